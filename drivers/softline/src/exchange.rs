//! The exchange: its lines, the calls between them and the far ends, and what each frame brings.
//!
//! In: what hosts do to their terminals, and the beat of the line clock. Out: [`Event`]s.
//! Not here: what happens inside one call (`call`), when a frame is due (`clock`).

use crate::call::{self, Call, CallId, CallSettings, Usage};
use crate::clock::{LineClock, LineTime};
use crate::config::{FarKind, Plan};
use crate::control::Command;
use crate::modem_end::{By, Keys, ModemEnd, Wish};
use crate::pty::{HostState, PtyError};
use crate::report::{Event, LineReport};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::time::ClockId;
use std::collections::HashMap;
use std::time::Duration;

pub(crate) struct Exchange {
    plan: Plan,
    settings: CallSettings,
    lines: Vec<ModemEnd>,
    calls: Vec<Call>,
    last_call: u64,
    /// How often each number was dialled.
    dialled: HashMap<String, u64>,
    /// Lines that listen for the dial tone, and until when.
    listening: Vec<(usize, LineTime)>,
    now: LineTime,
    slipped: Duration,
    events: Vec<Event>,
}

impl Exchange {
    /// # Errors
    /// [`PtyError`] of the first line that cannot be made; the others are gone with it.
    pub(crate) fn new(plan: Plan, settings: CallSettings, strict: bool) -> Result<Self, PtyError> {
        let lines: Result<Vec<_>, _> = plan
            .lines
            .iter()
            .map(|line| ModemEnd::new(&line.name, line.link.as_deref(), strict))
            .collect();
        let lines = lines?;
        let ready = lines
            .iter()
            .filter_map(|line| {
                let pty = line.pty()?;
                Some(LineReport::new(&line.name, pty.device(), pty.link()))
            })
            .collect();
        Ok(Self {
            plan,
            settings,
            lines,
            calls: Vec::new(),
            last_call: 0,
            dialled: HashMap::new(),
            listening: Vec::new(),
            now: LineTime::default(),
            slipped: Duration::ZERO,
            events: vec![Event::Ready { lines: ready }],
        })
    }

    pub(crate) fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// What hosts and modems said to each other since the last call, a line each.
    pub(crate) fn take_dialogue(&mut self) -> Vec<String> {
        let mut dialogue = Vec::new();
        for line in &mut self.lines {
            for spoken in line.take_spoken() {
                let seconds = spoken.at.seconds_since(LineTime::default());
                let arrow = if spoken.by_host { ">" } else { "<" };
                dialogue.push(format!("{seconds:10.3} {} {arrow} {}", line.name, spoken.text));
            }
        }
        dialogue
    }

    /// Waits until the next frame is due or a host does something, then serves all hosts. A host's
    /// command is answered when it comes and not when the next frame runs.
    pub(crate) fn wait_and_serve(&mut self, clock: &LineClock) {
        let wait = clock.wait();
        let timeout = Timespec {
            tv_sec: i64::try_from(wait.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: wait.subsec_nanos().into(),
        };
        let mut fds: Vec<PollFd<'_>> = self
            .lines
            .iter()
            .filter_map(|line| {
                let pty = line.pty().filter(|pty| pty.host() == HostState::Present)?;
                let mut wanted = PollFlags::empty();
                wanted.set(PollFlags::IN, line.listens());
                wanted.set(PollFlags::OUT, pty.has_unsent());
                Some(PollFd::from_borrowed_fd(pty.as_fd(), wanted))
            })
            .collect();
        // Interrupted by a signal or not: what is there is served, and main looks at signals.
        let _interrupted = rustix::event::poll(&mut fds, Some(&timeout));
        self.serve_hosts();
    }

    fn serve_hosts(&mut self) {
        for line in 0..self.lines.len() {
            let dials = self.lines[line].is_listening_for_dial_tone()
                || self.calls.iter().any(|call| {
                    call.caller() == line && !call.caller_has_left() && call.abortable()
                });
            let keys = if dials { Keys::AbortDialling } else { Keys::Typed };
            self.lines[line].serve_host(self.now, keys);
            self.grant_wishes(line);
        }
    }

    fn grant_wishes(&mut self, line: usize) {
        while let Some(wish) = self.lines[line].next_wish() {
            match wish {
                Wish::Dial(number) => self.dial(line, number),
                Wish::Answer => self.answer(line),
                Wish::OnHook(by) => self.on_hook(line, by),
                Wish::Abort => self.abort(line),
                // Off hook without dialling leads nowhere; ATH1 is allowed to.
                Wish::OffHook => {}
            }
        }
    }

    fn dial(&mut self, line: usize, number: String) {
        if self.in_call(line) || self.ringing(line).is_some() {
            self.lines[line].say_no_carrier();
            return;
        }
        if number.is_empty() {
            // No call: the host only wants to know whether the exchange is there.
            let heard = self.now.after_ms(call::DIAL_TONE_MS);
            self.lines[line].listen_for_dial_tone();
            self.listening.push((line, heard));
            return;
        }
        self.last_call += 1;
        let plan = self.plan.far(&number.replace(',', ""));
        let before = self.dialled.entry(number.clone()).or_default();
        *before += 1;
        let id = CallId { number: self.last_call, of_dialled: *before };
        let call = Call::dial(id, line, number, plan, &self.settings, self.now, self.usage());
        self.events.push(call.started(&self.lines));
        self.calls.push(call);
    }

    /// Tells hosts that listened long enough what they heard. Of a line for which `*` is a number without
    /// dial tone it is nothing.
    fn tell_dial_tones(&mut self) {
        let heard = self.plan.far("").kind != FarKind::NoDialTone;
        let now = self.now;
        self.listening.retain(|&(line, until)| {
            let line = &mut self.lines[line];
            if !line.is_listening_for_dial_tone() {
                return false;
            }
            if now >= until {
                line.heard_dial_tone(heard);
            }
            now < until
        });
    }

    /// A person pulls a plug or puts it back.
    pub(crate) fn obey(&mut self, command: Command) {
        let (name, plugs) = match command {
            Command::Unplug(name) => (name, false),
            Command::Plug(name) => (name, true),
        };
        let Some(index) = self.lines.iter().position(|line| line.name == name) else {
            eprintln!("softline: there is no line {}", name.escape_debug());
            return;
        };
        let line = &mut self.lines[index];
        if plugs {
            match line.plug() {
                Ok(pty) => {
                    let line = LineReport::new(&name, pty.device(), pty.link());
                    self.events.push(Event::Plugged { line });
                }
                Err(error) => eprintln!("softline: {name}: {error}"),
            }
        } else if line.unplug() {
            self.grant_wishes(index);
            self.events.push(Event::Unplugged { line: name });
        }
    }

    fn answer(&mut self, line: usize) {
        if let Some(call) = self.ringing(line) {
            self.calls[call].answered_by_line(line, &mut self.lines, self.now, &mut self.events);
        }
    }

    fn on_hook(&mut self, line: usize, by: By) {
        for index in 0..self.calls.len() {
            let rings = self.callee_of(index).map(|(callee, _)| callee);
            let call = &mut self.calls[index];
            if call.caller() == line && !call.caller_has_left() {
                call.caller_leaves(&mut self.lines, by, rings, self.now);
            } else if call.callee() == Some(line) {
                call.callee_leaves(&mut self.lines, line, self.now);
            }
        }
        self.report_ended();
    }

    fn abort(&mut self, line: usize) {
        if self.lines[line].is_listening_for_dial_tone() {
            self.lines[line].heard_dial_tone(true);
        }
        for index in 0..self.calls.len() {
            let rings = self.callee_of(index).map(|(callee, _)| callee);
            let call = &mut self.calls[index];
            if call.caller() == line && call.abortable() {
                call.abort(&mut self.lines, rings, self.now);
            }
        }
        self.report_ended();
    }

    /// Runs one frame on every line.
    pub(crate) fn frame(&mut self, slipped: Duration) {
        self.slipped = slipped;
        for index in 0..self.calls.len() {
            let callee = self.callee_of(index);
            self.calls[index].frame(&mut self.lines, callee, self.now, &mut self.events);
        }
        for line in 0..self.lines.len() {
            if !self.in_call(line) {
                self.idle_frame(line);
            }
        }
        self.now = self.now.after_samples(self.settings.frame_samples);
        self.tell_dial_tones();
        for line in 0..self.lines.len() {
            self.grant_wishes(line);
        }
        self.report_ended();
    }

    /// A line without a call hears silence, so that a modem can time its `+FTS` there too.
    fn idle_frame(&mut self, line: usize) {
        let mut audio = vec![0; self.settings.frame_samples];
        self.lines[line].speaks(&mut audio, self.now, None);
        audio.fill(0);
        self.lines[line].hears(&mut audio);
    }

    fn report_ended(&mut self) {
        let usage = self.usage();
        for call in self.calls.iter().filter(|call| call.over()) {
            self.events.push(call.report(&self.lines, self.now, usage));
        }
        self.calls.retain(|call| !call.over());
    }

    fn in_call(&self, line: usize) -> bool {
        self.lines[line].is_listening_for_dial_tone()
            || self.calls.iter().any(|call| {
                (call.caller() == line && !call.caller_has_left()) || call.callee() == Some(line)
            })
    }

    /// The call that rings at this line.
    fn ringing(&self, line: usize) -> Option<usize> {
        let name = self.lines[line].name.as_str();
        self.calls.iter().position(|call| call.rings_at() == Some(name))
    }

    /// The line of ours that a call is for, and whether it is free for this call.
    fn callee_of(&self, call: usize) -> Option<(usize, bool)> {
        let name = self.calls[call].callee_name()?;
        let line = self.lines.iter().position(|line| line.name == name)?;
        let rings_for = self.ringing(line);
        let free = !self.in_call(line) && rings_for.is_none_or(|ringing| ringing == call);
        Some((line, free))
    }

    fn usage(&self) -> Usage {
        let cpu = rustix::time::clock_gettime(ClockId::ProcessCPUTime);
        Usage {
            slip_ms: self.slipped.as_secs_f64() * 1000.0,
            cpu_ms: cpu.tv_sec as f64 * 1000.0 + cpu.tv_nsec as f64 / 1e6,
        }
    }
}
