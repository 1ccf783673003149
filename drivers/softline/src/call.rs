//! One call, from the dialled number to its report.
//!
//! In: frames of line time, and who goes on hook. Out: audio between the two ends, events, a report.
//! Source: ITU-T E.180 for tones; the times are those of a Japanese line. Not here: which lines are
//! free and what hosts wish (`exchange`).

use crate::clock::LineTime;
use crate::config::{FarKind, FarPlan};
use crate::far::Far;
use crate::far::fax::{FaxEnd, FaxReport};
use crate::far::tone::busy_tone;
use crate::far::voice::VoiceEnd;
use crate::faults::{Channel, FaultSettings};
use crate::ffi::CallEvent;
use crate::modem_end::{By, ModemEnd};
use crate::report::{self, CallReport, Dir, Event, Outcome};
use crate::signals::Listener;
use std::path::{Path, PathBuf};

/// Dial tone heard, then 100 ms of tone and 100 ms of silence a digit; a comma waits.
pub(crate) const DIAL_TONE_MS: u64 = 900;
const DIGIT_MS: u64 = 200;
const COMMA_MS: u64 = 2000;
/// How long a modem listens before it is sure of a busy tone, or that there is no dial tone.
const BUSY_HEARD_MS: u64 = 3000;
const NO_DIAL_TONE_MS: u64 = 3000;
/// One ring and the pause after it.
const RING_CYCLE_MS: u64 = 3000;
/// The exchange gives busy tone this long after one side has gone.
const BUSY_TONE_AFTER_MS: u64 = 500;
/// After the caller has gone, the far machine may hear the rest of what is on its way.
const DRAIN_MS: u64 = 400;

/// What goes on between the two ends.
enum Phase {
    /// Dial tone, then digits, until then.
    Dialling {
        until: LineTime,
    },
    /// The caller's modem listens to what tells it that the call fails, until then.
    Failing {
        until: LineTime,
        event: CallEvent,
    },
    /// It rings; the far end answers then, if ever.
    Ringing {
        answer: Option<LineTime>,
        next_ring: LineTime,
    },
    /// Both ends hear each other.
    Talking(Far),
    /// The far end has gone, the caller has not.
    FarGone {
        since: LineTime,
    },
    /// The caller has gone; the far end hears the rest, until then.
    Draining {
        until: LineTime,
        far: Far,
    },
    /// The caller has gone, the other line has not yet noticed its busy tone.
    CallerGone {
        since: LineTime,
        callee: usize,
    },
    Over,
}

/// One direction of a call: what is said is listened to first, then carried.
struct Way {
    listener: Listener,
    channel: Channel,
}

/// Things that are the same for every call.
#[derive(Clone, Debug)]
pub(crate) struct CallSettings {
    pub out: PathBuf,
    pub limit_s: u64,
    pub frame_samples: usize,
    /// Of calls whose far end has none of its own.
    pub faults: FaultSettings,
}

/// What the process has used and lost so far, to be compared at the end of a call.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    pub slip_ms: f64,
    pub cpu_ms: f64,
}

/// Which call it is: of all, and of those to its number; each from 1.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallId {
    pub number: u64,
    pub of_dialled: u64,
}

pub(crate) struct Call {
    id: u64,
    caller: usize,
    dialled: String,
    plan: FarPlan,
    settings: CallSettings,
    phase: Phase,
    off_hook: LineTime,
    dial_end: Option<LineTime>,
    answered: Option<LineTime>,
    on_hook: Option<(LineTime, &'static str)>,
    far_gone: Option<LineTime>,
    outcome: Option<Outcome>,
    to_far: Way,
    from_far: Way,
    /// How long the far end hears the rest when the caller has gone.
    drain_ms: u64,
    /// Of the far machine, kept when it is gone.
    fax: Option<FaxReport>,
    at_start: Usage,
}

impl Call {
    /// A host dialled just now; `callee` is the line that will ring, for a far end that is one.
    pub(crate) fn dial(
        id: CallId,
        caller: usize,
        dialled: String,
        plan: FarPlan,
        settings: &CallSettings,
        now: LineTime,
        usage: Usage,
    ) -> Self {
        let faults = plan.faults.as_ref().unwrap_or(&settings.faults);
        let channel = |way| Channel::new(faults, id.of_dialled, way);
        Self {
            id: id.number,
            caller,
            phase: match plan.kind {
                FarKind::NoDialTone => Phase::Failing {
                    until: now.after_ms(NO_DIAL_TONE_MS),
                    event: CallEvent::NoDialTone,
                },
                FarKind::Fax
                | FarKind::Busy
                | FarKind::NoAnswer
                | FarKind::Voice
                | FarKind::HangUp
                | FarKind::Line
                | FarKind::Unallocated => {
                    Phase::Dialling { until: now.after_ms(dialling_ms(&dialled)) }
                }
            },
            to_far: Way { listener: Listener::new("cng"), channel: channel(0) },
            from_far: Way { listener: Listener::new("ced"), channel: channel(1) },
            drain_ms: DRAIN_MS + u64::from(faults.delay_ms),
            dialled,
            plan,
            settings: settings.clone(),
            off_hook: now,
            dial_end: None,
            answered: None,
            on_hook: None,
            far_gone: None,
            outcome: None,
            fax: None,
            at_start: usage,
        }
    }

    pub(crate) fn caller(&self) -> usize {
        self.caller
    }

    /// The calling line is not part of the call any more.
    pub(crate) fn caller_has_left(&self) -> bool {
        self.on_hook.is_some()
    }

    pub(crate) fn over(&self) -> bool {
        matches!(self.phase, Phase::Over)
    }

    /// Keys of the caller's host end the call, because its modem has not connected yet.
    pub(crate) fn abortable(&self) -> bool {
        match self.phase {
            Phase::Dialling { .. } | Phase::Failing { .. } | Phase::Ringing { .. } => true,
            Phase::Talking(_)
            | Phase::FarGone { .. }
            | Phase::Draining { .. }
            | Phase::CallerGone { .. }
            | Phase::Over => false,
        }
    }

    /// The line of ours that takes part as the called one.
    pub(crate) fn callee(&self) -> Option<usize> {
        match &self.phase {
            Phase::Talking(Far::Line(line)) | Phase::Draining { far: Far::Line(line), .. } => {
                Some(*line)
            }
            Phase::CallerGone { callee, .. } => Some(*callee),
            Phase::Dialling { .. }
            | Phase::Failing { .. }
            | Phase::Ringing { .. }
            | Phase::Talking(Far::Fax(_) | Far::Voice(_))
            | Phase::FarGone { .. }
            | Phase::Draining { .. }
            | Phase::Over => None,
        }
    }

    /// The name of the line of ours that the number belongs to.
    pub(crate) fn callee_name(&self) -> Option<&str> {
        self.plan.to.as_deref().filter(|_| self.plan.kind == FarKind::Line)
    }

    /// That name, while the line rings.
    pub(crate) fn rings_at(&self) -> Option<&str> {
        match self.phase {
            Phase::Ringing { .. } => self.callee_name(),
            Phase::Dialling { .. }
            | Phase::Failing { .. }
            | Phase::Talking(_)
            | Phase::FarGone { .. }
            | Phase::Draining { .. }
            | Phase::CallerGone { .. }
            | Phase::Over => None,
        }
    }

    pub(crate) fn started(&self, lines: &[ModemEnd]) -> Event {
        Event::CallStarted {
            call: self.id,
            line: lines[self.caller].name.clone(),
            dialled: self.dialled.clone(),
            far: self.plan.kind.name(),
            off_hook_at_s: self.off_hook.seconds_since(LineTime::default()),
        }
    }

    /// The number has been dialled and the callee, if it is a line of ours, is free or not.
    fn dialled_out(&mut self, callee_free: bool, now: LineTime) {
        self.dial_end = Some(now);
        let busy = Phase::Failing { until: now.after_ms(BUSY_HEARD_MS), event: CallEvent::Busy };
        self.phase = match self.plan.kind {
            FarKind::Busy => busy,
            FarKind::Line if !callee_free => busy,
            FarKind::Fax | FarKind::HangUp | FarKind::Voice => {
                let answer = now.after_ms((self.plan.ring_s * 1000.0).round() as u64);
                Phase::Ringing { answer: Some(answer), next_ring: now }
            }
            FarKind::NoAnswer | FarKind::NoDialTone | FarKind::Line | FarKind::Unallocated => {
                Phase::Ringing { answer: None, next_ring: now }
            }
        };
    }

    /// Runs one frame. `callee` is the line that this number rings, and whether it is free.
    pub(crate) fn frame(
        &mut self,
        lines: &mut [ModemEnd],
        callee: Option<(usize, bool)>,
        now: LineTime,
        events: &mut Vec<Event>,
    ) {
        if now.seconds_since(self.off_hook) >= self.settings.limit_s as f64 {
            self.cut(lines, callee.map(|(line, _)| line), now);
        }
        let len = self.settings.frame_samples;
        match self.phase {
            Phase::Dialling { until } if now >= until => {
                self.dialled_out(callee.is_some_and(|(_, free)| free), now);
            }
            Phase::Dialling { .. } | Phase::Over => {}
            Phase::Failing { until, event } if now >= until => {
                self.fail(&mut lines[self.caller], event, now);
            }
            Phase::Failing { .. } => lines[self.caller].hears(&mut vec![0; len]),
            Phase::Ringing { answer, next_ring } => {
                // The modem counts S7 in what it hears.
                lines[self.caller].hears(&mut vec![0; len]);
                let callee = callee.map(|(line, _)| line);
                if answer.is_some_and(|answer| now >= answer) {
                    self.answer(lines, now, events);
                } else if self.waited_out(&lines[self.caller], now) {
                    self.nobody_came(lines, callee, now);
                } else if now >= next_ring {
                    self.phase = Phase::Ringing { answer, next_ring: now.after_ms(RING_CYCLE_MS) };
                    if let Some(line) = callee {
                        lines[line].ring();
                    }
                }
            }
            Phase::Talking(_) => self.talk(lines, now),
            Phase::FarGone { since } => {
                let caller = &mut lines[self.caller];
                left_alone(caller, &mut self.to_far, &mut self.from_far, since, now, len);
            }
            Phase::Draining { .. } => self.drain(now),
            Phase::CallerGone { since, callee } => {
                let callee = &mut lines[callee];
                left_alone(callee, &mut self.from_far, &mut self.to_far, since, now, len);
            }
        }
    }

    /// The far machine hears what was still on its way when the caller went.
    fn drain(&mut self, now: LineTime) {
        let Phase::Draining { until, far: Far::Fax(fax) } = &mut self.phase else {
            self.phase = Phase::Over; // a person needs no conclusion
            return;
        };
        let len = self.settings.frame_samples;
        let (mut heard, mut said) = (vec![0; len], vec![0; len]);
        self.to_far.channel.carry(&mut heard);
        fax.speaks(&mut said, now);
        self.from_far.listener.hears(&said, now, None, None);
        fax.hears(&mut heard, now);
        if fax.gone(now) || now >= *until {
            fax.cut();
            self.fax = Some(fax.report());
            self.phase = Phase::Over;
        }
    }

    fn talk(&mut self, lines: &mut [ModemEnd], now: LineTime) {
        let Phase::Talking(far) = &mut self.phase else { return };
        let len = self.settings.frame_samples;
        let (mut up, mut down) = (vec![0; len], vec![0; len]);
        let caller = &mut lines[self.caller];
        caller.speaks(&mut up, now, self.to_far.listener.carrier_start());
        self.to_far.listener.hears(&up, now, caller.sending(), caller.run());
        self.to_far.channel.carry(&mut up);
        match far {
            Far::Fax(fax) => {
                fax.speaks(&mut down, now);
                self.from_far.listener.hears(&down, now, None, None);
                fax.hears(&mut up, now);
            }
            Far::Voice(voice) => voice.speaks(&mut down, now),
            Far::Line(line) => {
                let line = &mut lines[*line];
                line.speaks(&mut down, now, self.from_far.listener.carrier_start());
                self.from_far.listener.hears(&down, now, line.sending(), line.run());
                line.hears(&mut up);
            }
        }
        self.from_far.channel.carry(&mut down);
        lines[self.caller].hears(&mut down);
        let after = now.after_samples(len);
        let Phase::Talking(Far::Fax(fax)) = &mut self.phase else { return };
        if fax.gone(after) {
            self.fax = Some(fax.report());
            self.far_leaves(lines, after);
        }
    }

    /// The far end picks up.
    pub(crate) fn answer(
        &mut self,
        lines: &mut [ModemEnd],
        now: LineTime,
        events: &mut Vec<Event>,
    ) {
        let far = match self.plan.kind {
            FarKind::Fax | FarKind::HangUp => {
                let file = free_name(&self.settings.out, self.id, &self.dialled);
                let leaves = self.plan.kind == FarKind::HangUp;
                Far::Fax(Box::new(FaxEnd::answer(&self.plan.fax, &file, now, leaves)))
            }
            FarKind::Voice => Far::Voice(VoiceEnd::answer(self.plan.voice, now)),
            FarKind::Busy
            | FarKind::NoAnswer
            | FarKind::NoDialTone
            | FarKind::Line
            | FarKind::Unallocated => return,
        };
        self.connect(far, lines, now, events);
    }

    /// The line of ours that rang has picked up.
    pub(crate) fn answered_by_line(
        &mut self,
        callee: usize,
        lines: &mut [ModemEnd],
        now: LineTime,
        events: &mut Vec<Event>,
    ) {
        lines[callee].stop_ringing();
        lines[callee].call_event(CallEvent::Answered);
        self.connect(Far::Line(callee), lines, now, events);
    }

    fn connect(
        &mut self,
        far: Far,
        lines: &mut [ModemEnd],
        now: LineTime,
        events: &mut Vec<Event>,
    ) {
        self.answered = Some(now);
        self.phase = Phase::Talking(far);
        lines[self.caller].call_event(CallEvent::Connected);
        let answered_s = now.seconds_since(self.off_hook);
        events.push(Event::CallAnswered { call: self.id, answered_s });
    }

    fn waited_out(&self, caller: &ModemEnd, now: LineTime) -> bool {
        let waited_s = self.dial_end.map_or(0.0, |end| now.seconds_since(end));
        waited_s >= f64::from(caller.s7_seconds())
    }

    fn nobody_came(&mut self, lines: &mut [ModemEnd], callee: Option<usize>, now: LineTime) {
        if let Some(line) = callee {
            lines[line].stop_ringing();
        }
        let caller = &mut lines[self.caller];
        match self.plan.kind {
            FarKind::Unallocated => {
                self.outcome = Some(Outcome::NoSuchNumber);
                caller.say_no_carrier();
            }
            FarKind::Fax
            | FarKind::Busy
            | FarKind::NoAnswer
            | FarKind::NoDialTone
            | FarKind::Voice
            | FarKind::HangUp
            | FarKind::Line => {
                self.outcome = Some(Outcome::NoAnswer);
                caller.call_event(CallEvent::NoAnswer);
            }
        }
        self.on_hook = Some((now, "modem"));
        self.phase = Phase::Over;
    }

    fn fail(&mut self, caller: &mut ModemEnd, event: CallEvent, now: LineTime) {
        self.outcome = Some(match event {
            CallEvent::Busy => Outcome::Busy,
            CallEvent::NoDialTone => Outcome::NoDialTone,
            CallEvent::Alerting
            | CallEvent::Connected
            | CallEvent::Answered
            | CallEvent::NoAnswer
            | CallEvent::HangUp => Outcome::NoAnswer,
        });
        caller.call_event(event);
        self.on_hook = Some((now, "modem"));
        self.phase = Phase::Over;
    }

    /// The caller's host pressed a key while its modem dialled.
    pub(crate) fn abort(&mut self, lines: &mut [ModemEnd], callee: Option<usize>, now: LineTime) {
        lines[self.caller].say_no_carrier();
        self.caller_leaves(lines, By::Host, callee, now);
    }

    /// The caller goes on hook.
    pub(crate) fn caller_leaves(
        &mut self,
        lines: &mut [ModemEnd],
        by: By,
        ringing: Option<usize>,
        now: LineTime,
    ) {
        if self.on_hook.is_some() {
            return;
        }
        self.on_hook = Some((now, report::by_name(by)));
        self.to_far.listener.call_ended(lines[self.caller].run());
        self.phase = match std::mem::replace(&mut self.phase, Phase::Over) {
            Phase::Ringing { .. } => {
                if let Some(line) = ringing {
                    lines[line].stop_ringing();
                }
                Phase::Over
            }
            Phase::Talking(Far::Line(callee)) => {
                self.note_line_outcome(Outcome::HostHungUp);
                Phase::CallerGone { since: now, callee }
            }
            Phase::Talking(far @ (Far::Fax(_) | Far::Voice(_))) => {
                Phase::Draining { until: now.after_ms(self.drain_ms), far }
            }
            Phase::Dialling { .. }
            | Phase::Failing { .. }
            | Phase::FarGone { .. }
            | Phase::Over => Phase::Over,
            stay @ (Phase::Draining { .. } | Phase::CallerGone { .. }) => stay,
        };
    }

    /// The line that answered goes on hook.
    pub(crate) fn callee_leaves(&mut self, lines: &mut [ModemEnd], callee: usize, now: LineTime) {
        self.from_far.listener.call_ended(lines[callee].run());
        match self.phase {
            Phase::Talking(_) => {
                self.note_line_outcome(Outcome::FarHungUp);
                self.far_leaves(lines, now);
            }
            Phase::CallerGone { .. } => self.phase = Phase::Over,
            Phase::Dialling { .. }
            | Phase::Failing { .. }
            | Phase::Ringing { .. }
            | Phase::FarGone { .. }
            | Phase::Draining { .. }
            | Phase::Over => {}
        }
    }

    fn far_leaves(&mut self, lines: &mut [ModemEnd], now: LineTime) {
        self.far_gone = Some(now);
        self.from_far.listener.call_ended(None);
        self.phase = Phase::FarGone { since: now };
        if self.plan.fax.notice {
            self.on_hook = Some((now, "far"));
            self.to_far.listener.call_ended(lines[self.caller].run());
            lines[self.caller].call_event(CallEvent::HangUp);
            self.phase = Phase::Over;
        }
    }

    /// Of a call between two lines nobody else knows how it went: the frames do.
    fn note_line_outcome(&mut self, otherwise: Outcome) {
        let confirmed = self
            .from_far
            .listener
            .frames
            .last()
            .is_some_and(|last| matches!(&*last.name, "MCF" | "RTP"));
        let goodbye = self.to_far.listener.frames.last().is_some_and(|last| last.name == "DCN");
        self.outcome = Some(if confirmed && goodbye { Outcome::Ok } else { otherwise });
    }

    /// The call is ended from outside, at both ends.
    fn cut(&mut self, lines: &mut [ModemEnd], ringing: Option<usize>, now: LineTime) {
        self.outcome = Some(Outcome::Limit);
        if let (Phase::Ringing { .. }, Some(line)) = (&self.phase, ringing) {
            lines[line].stop_ringing();
        }
        if let Some(line) = self.callee() {
            lines[line].call_event(CallEvent::HangUp);
        }
        if self.on_hook.is_none() {
            self.on_hook = Some((now, "limit"));
            lines[self.caller].call_event(CallEvent::HangUp);
        }
        if let Phase::Talking(Far::Fax(fax)) | Phase::Draining { far: Far::Fax(fax), .. } =
            &mut self.phase
        {
            fax.cut();
            self.fax = Some(fax.report());
        }
        self.phase = Phase::Over;
    }

    /// The report of a call that is over.
    pub(crate) fn report(&self, lines: &[ModemEnd], now: LineTime, usage: Usage) -> Event {
        let (on_hook, first) = self.on_hook.unwrap_or((now, "host"));
        let answered = self.answered.unwrap_or(on_hook);
        let dial_end = self.dial_end.unwrap_or(on_hook);
        let (up, down) = (&self.to_far.listener, &self.from_far.listener);
        let mut frames: Vec<_> = report::frames(&up.frames, &up.carriers, Dir::ToFar, answered)
            .chain(report::frames(&down.frames, &down.carriers, Dir::FromFar, answered))
            .collect();
        frames.sort_by(|a, b| a.t_s.total_cmp(&b.t_s));
        let mut carriers: Vec<_> = report::carriers(&up.carriers, Dir::ToFar, answered)
            .chain(report::carriers(&down.carriers, Dir::FromFar, answered))
            .collect();
        carriers.sort_by(|a, b| a.t_s.total_cmp(&b.t_s));
        let ced = carriers.iter().find(|carrier| carrier.kind == "ced");
        let fax = self.fax.as_ref();
        let talked = fax.is_some_and(|fax| fax.pages.pages > 0);
        let bidden_by = |at| up.frames.iter().any(|frame| frame.name == "DCN" && frame.end <= at);
        let left = self.far_gone.is_some_and(|gone| gone <= on_hook && !bidden_by(gone));
        let by = if left { "far" } else { first };
        Event::Call(Box::new(CallReport {
            call: self.id,
            line: lines[self.caller].name.clone(),
            dialled: self.dialled.clone(),
            far: self.plan.kind.name(),
            result: self.result(),
            hung_up_by: by,
            offhook_s: on_hook.seconds_since(self.off_hook),
            dial_s: dial_end.seconds_since(self.off_hook),
            ring_s: answered.seconds_since(dial_end),
            connected_s: on_hook.seconds_since(answered),
            on_hook_at_s: on_hook.seconds_since(LineTime::default()),
            answered_s: self.answered.map(|at| at.seconds_since(self.off_hook)),
            ced_end_s: ced.map(|ced| ced.end_s),
            far_hung_up_s: self.far_gone.map(|gone| gone.seconds_since(answered)),
            t30_code: fax.and_then(|fax| fax.code),
            t30_text: fax.and_then(|fax| fax.text.clone()),
            pages: fax.map_or(0, |fax| fax.pages.pages),
            rate_bps: fax.map(|fax| fax.pages.rate_bps).filter(|rate| *rate > 0),
            ecm: fax.filter(|_| talked).map(|fax| fax.pages.ecm),
            encoding: fax.filter(|_| talked).map(|fax| fax.pages.encoding),
            bad_rows: fax.map_or(0, |fax| fax.pages.bad_rows),
            ppr: down.frames.iter().filter(|frame| frame.name == "PPR").count(),
            tsi: fax.and_then(|fax| fax.tsi.clone()),
            sub: fax.and_then(|fax| fax.sub.clone()),
            password_characters: fax.and_then(|fax| fax.password_characters),
            image_bytes: fax.map_or(0, |fax| fax.pages.image_bytes),
            file: fax.and_then(|fax| fax.file.clone()),
            frames,
            carriers,
            slip_ms: ((usage.slip_ms - self.at_start.slip_ms) * 10.0).round() / 10.0,
            cpu_ms: ((usage.cpu_ms - self.at_start.cpu_ms) * 10.0).round() / 10.0,
        }))
    }

    fn result(&self) -> Outcome {
        if let Some(known) = self.outcome {
            return known;
        }
        match (self.plan.kind, &self.fax) {
            (FarKind::Voice, _) if self.answered.is_some() => Outcome::Voice,
            (_, Some(fax)) if fax.code == Some(0) => Outcome::Ok,
            (FarKind::HangUp, Some(_)) if self.far_gone.is_some() => Outcome::FarHungUp,
            (_, Some(_)) if self.far_gone.is_some() => Outcome::T30Error,
            (_, _) => Outcome::HostHungUp,
        }
    }
}

impl FarKind {
    fn name(self) -> &'static str {
        match self {
            Self::Fax => "fax",
            Self::Busy => "busy",
            Self::NoAnswer => "noanswer",
            Self::NoDialTone => "nodialtone",
            Self::Voice => "voice",
            Self::HangUp => "hangup",
            Self::Line => "line",
            Self::Unallocated => "none",
        }
    }
}

/// One frame of an end whose other end has gone at `since`: what it still says goes nowhere, and
/// soon it hears a busy tone.
fn left_alone(
    line: &mut ModemEnd,
    says: &mut Way,
    hears: &mut Way,
    since: LineTime,
    now: LineTime,
    len: usize,
) {
    let mut audio = vec![0; len];
    line.speaks(&mut audio, now, says.listener.carrier_start());
    says.listener.hears(&audio, now, line.sending(), line.run());
    audio.fill(0);
    let tone_from = since.after_ms(BUSY_TONE_AFTER_MS);
    if now >= tone_from {
        busy_tone(&mut audio, tone_from, now);
    }
    hears.channel.carry(&mut audio);
    line.hears(&mut audio);
}

fn dialling_ms(dialled: &str) -> u64 {
    let one = |c| if c == ',' { COMMA_MS } else { DIGIT_MS };
    DIAL_TONE_MS + dialled.chars().map(one).sum::<u64>()
}

/// A name in `out` that no earlier call has used.
fn free_name(out: &Path, id: u64, dialled: &str) -> PathBuf {
    let digits: String = dialled.chars().filter(char::is_ascii_digit).collect();
    let name = |n| out.join(format!("call-{n:04}-{digits}.tif"));
    let mut number = id;
    while name(number).exists() {
        number += 1;
    }
    name(number)
}
