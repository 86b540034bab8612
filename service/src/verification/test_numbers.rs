//! Numbers of testers: their code is fixed and goes to nobody, and neither limits nor the schedule of sending hold for them, until
//! a configured time. Then, and for every other number, this knows nothing. Guesses are counted as for any number.

use signet_config::TestNumbers as Settings;
use signet_storage::Timestamp;
use signet_storage::model::code::Code;
use signet_storage::number::E164;

#[derive(Clone)]
pub struct TestNumbers(Settings);

impl TestNumbers {
    pub const fn new(settings: Settings) -> Self {
        Self(settings)
    }

    /// The code of a test number; none if the number is like any other.
    pub fn code(&self, number: &E164, now: Timestamp) -> Option<Code> {
        let test = self.0.get(number.as_str())?;
        let until = i64::try_from(test.until_millis).map_or(Timestamp::from_millis(i64::MAX), Timestamp::from_millis);
        (now < until).then(|| Code::fixed(test.code.expose()))
    }
}
