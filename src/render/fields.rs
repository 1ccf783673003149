//! What a template sees of a job (`/data.json`); `templates/README.md` tells technicians the same.
//!
//! In: a job, its id, the site. Out: JSON with the secrets in it.
//! Not here: sentences of a sheet (`templates/`).

use serde_json::{Value, json};

use super::check_digits::check_digits;
use super::reference;
use crate::job::{JobId, NewJob, UnixMillis};

/// What the site says of itself on every sheet.
#[derive(Clone, Debug)]
pub struct SiteFace {
    pub name: String,
    pub url: String,
    pub help_name: String,
    pub help_phone: String,
    pub help_hours: String,
}

/// The fields of a job's sheet. Holds secrets: it goes to the worker's pipe and nowhere else.
pub(super) fn of(site: &SiteFace, id: JobId, job: &NewJob) -> Value {
    let accepted = UnixMillis(i64::try_from(id.0.timestamp_ms()).unwrap_or(0));
    json!({
        "site": {
            "name": site.name,
            "url": site.url,
            "help_name": site.help_name,
            "help_phone": site.help_phone,
            "help_hours": site.help_hours,
        },
        "sender": {
            "office_name": job.sender.office_name.as_str(),
            "phone": job.sender.phone.as_str(),
        },
        "recipient": { "office_name": job.recipient.office_name.as_str() },
        "credentials": job.credentials.as_ref().map(|credentials| json!({
            "login_id": credentials.login_id.expose(),
            "password": credentials.password.expose(),
            "first_time_key": credentials.first_time_key.expose(),
            "valid_until": credentials.valid_until.map(japanese_date),
            "check": {
                "login_id": check_digits(credentials.login_id.expose()),
                "password": check_digits(credentials.password.expose()),
                "first_time_key": check_digits(credentials.first_time_key.expose()),
            },
        })),
        "documents": job.documents.iter().map(|document| json!({
            "title": document.title.as_str(),
            "count": document.count,
        })).collect::<Vec<_>>(),
        "reference": reference(id),
        "version": 1,
        "issued": japanese_date(accepted),
    })
}

/// `2026年11月23日` in Japan, which has kept UTC+9 without summer time since 1952.
fn japanese_date(at: UnixMillis) -> String {
    let tokyo = jiff::tz::TimeZone::fixed(jiff::tz::offset(9));
    match jiff::Timestamp::from_millisecond(at.0) {
        Ok(timestamp) => {
            let date = timestamp.to_zoned(tokyo).date();
            format!("{}年{}月{}日", date.year(), date.month(), date.day())
        }
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn japanese_date_at_utc_evening_is_the_next_day_in_japan() {
        // 2026-11-22T15:30:00Z
        assert_eq!(japanese_date(UnixMillis(1_795_361_400_000)), "2026年11月23日");
    }
}
