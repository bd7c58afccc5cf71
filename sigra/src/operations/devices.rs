//! Known devices: browsers in which an account was signed in to before, so that strangers cannot lock its owner out there.

use std::time::Duration;

use crate::account::Account;
use crate::core::Reader;
use crate::email::Identifier;
use crate::error::Error;
use crate::limits::Bucket;
use crate::store::Stamp;
#[cfg(feature = "totp")]
use crate::store::statements::{
    CountDeviceFactorFailure, DeleteDeviceSpentOnCodes, ForgetDeviceFactorFailures,
};
use crate::store::statements::{
    CountDeviceFailure, DeleteSpentDevice, DeleteSurplusDevices, DeviceByToken, InsertDevice, SurplusDevice,
    TouchDevice,
};
use crate::token::DeviceToken;
use crate::unit::{Unit, Values};

/// How long a device stays known without a sign-in.
pub(crate) const KNOWN_FOR: Duration = Duration::from_hours(180 * 24);

/// Devices of one account.
const DEVICES: u16 = 20;

/// A device in which the account that is tried is known. Only [`Unit::known_device`] and `Unit::factor_device` make one.
#[derive(Clone, Debug)]
pub(super) struct Device(uuid::Uuid);

/// Whether devices are kept: where something is locked out or asked for that a known one is spared.
pub(super) fn knows_devices<U: Account>() -> bool {
    U::POLICY.lockout.is_some() || U::POLICY.totp.is_some()
}

impl Device {
    pub(super) fn bucket(&self) -> Bucket {
        Bucket::device(self.0)
    }

    /// Where wrong codes of second factors are counted.
    #[cfg(feature = "totp")]
    pub(super) fn factor_bucket(&self) -> Bucket {
        Bucket::factor_device(self.0)
    }
}

impl<U: Account> Unit<'_, U> {
    /// The device that the client shows, if the account of this address is known in it.
    pub(super) async fn known_device(&mut self, identifier: &Identifier) -> Result<Option<Device>, Error> {
        let Some(token) = self.client_device() else { return Ok(None) };
        let now = self.stamp();
        let row = self.fetch_optional(DeviceByToken, &[&token.hash(), &identifier.as_str(), &now]).await?;
        Ok(row.map(|row| Reader::<U>::new(&row).next()).transpose()?.map(Device))
    }

    /// The client's device, if the account's owner has proved a second factor in it before: whoever knows the password alone
    /// cannot use up its attempts.
    #[cfg(feature = "totp")]
    pub(super) async fn factor_device(
        &mut self,
        whose: &super::standing::Whose<'_, U>,
    ) -> Result<Option<Device>, Error> {
        let Some(token) = self.client_device() else { return Ok(None) };
        let now = self.stamp();
        let values: &[&dyn crate::column::Bind] = &[&token.hash(), whose.user_id, &whose.epoch, &now];
        let row = self.fetch_optional(crate::store::statements::FactorDevice, values).await?;
        Ok(row.map(|row| Reader::<U>::new(&row).next()).transpose()?.map(Device))
    }

    /// Makes the client's device known, or keeps it so: its owner has just proved to be there, by the second factor too or not.
    /// `None` where nothing is locked out, so that nothing has to be known.
    ///
    /// A secret that was not given out for this very account is not taken over, since somebody else may know it.
    pub(super) async fn recognise(
        &mut self,
        user_id: &U::Id,
        epoch: i64,
        second: bool,
    ) -> Result<Option<DeviceToken>, Error> {
        if !knows_devices::<U>() {
            return Ok(None);
        }
        if let Some(shown) = self.client_device() {
            let token = if shown.key_id() == self.keys.current() {
                shown.clone()
            } else {
                // Under the key that writes, or an old one would be needed for as long as its owner comes back.
                DeviceToken::generate(&self.keys)?
            };
            let (now, facts) = (self.stamp(), self.facts().clone());
            let values: &[&dyn crate::column::Bind] = &[
                &now,
                &self.after(KNOWN_FOR),
                &token.hash(),
                &token.key_id(),
                &second.then_some(now),
                &facts.network,
                &facts.user_agent,
                &shown.hash(),
                user_id,
                &now,
                &epoch,
            ];
            if self.execute(TouchDevice, values).await?.rows == 1 {
                return Ok(Some(token));
            }
        }
        let (token, row) = self.new_device(user_id, epoch, second).await?;
        self.execute_later(InsertDevice, [row]).await?;
        Ok(Some(token))
    }

    /// A device that becomes known, and the row that the caller has to write for it with `InsertDevice`.
    pub(super) async fn new_device(
        &mut self,
        user_id: &U::Id,
        epoch: i64,
        second: bool,
    ) -> Result<(DeviceToken, Values), Error> {
        self.make_room_for_device(user_id).await?;
        // Of two requests at once the second finds its secret replaced; a secret of its own makes it another device.
        let token = DeviceToken::generate(&self.keys)?;
        let (now, facts) = (self.stamp(), self.facts().clone());
        let row: Values = vec![
            Box::new(uuid::Uuid::now_v7()),
            Box::new(user_id.clone()),
            Box::new(token.hash()),
            Box::new(token.key_id().to_owned()),
            Box::new(epoch),
            Box::new(now),
            Box::new(now),
            Box::new(self.after(KNOWN_FOR)),
            Box::new(second.then_some(now)),
            Box::new(facts.network),
            Box::new(facts.user_agent),
        ];
        Ok((token, row))
    }

    /// A wrong password. After the most in a row, over whatever time, whoever has the device is a stranger: nothing else keeps a
    /// thief of its secret from guessing slowly for ever, since failures shut the password for strangers alone.
    pub(super) async fn device_failed(&mut self, Device(id): &Device, most: i64) -> Result<(), Error> {
        self.execute(CountDeviceFailure, &[id]).await?;
        self.execute(DeleteSpentDevice, &[id, &most]).await?;
        Ok(())
    }

    /// A wrong code. It is counted apart from wrong passwords, of which there may be more: a slip at the one leaves the other as it
    /// was.
    #[cfg(feature = "totp")]
    pub(super) async fn device_failed_code(&mut self, Device(id): &Device, most: i64) -> Result<(), Error> {
        self.execute(CountDeviceFactorFailure, &[id]).await?;
        self.execute(DeleteDeviceSpentOnCodes, &[id, &most]).await?;
        Ok(())
    }

    /// A right code: its row of wrong ones is over.
    #[cfg(feature = "totp")]
    pub(super) async fn device_proved_code(&mut self, Device(id): &Device) -> Result<(), Error> {
        self.execute(ForgetDeviceFactorFailures, &[id]).await?;
        Ok(())
    }

    /// Keeps, beside the one to come, the devices of an account that were used last: programs that keep no cookie must not fill
    /// the table.
    async fn make_room_for_device(&mut self, user_id: &U::Id) -> Result<(), Error> {
        let others = i64::from(DEVICES - 1);
        if let Some(row) = self.fetch_optional(SurplusDevice, &[user_id, &others]).await? {
            let mut row = Reader::<U>::new(&row);
            let (seen, id) = (row.next::<Stamp>()?, row.next::<uuid::Uuid>()?);
            self.execute(DeleteSurplusDevices, &[user_id, &seen, &seen, &id]).await?;
        }
        Ok(())
    }

    pub(super) fn client_device(&self) -> Option<DeviceToken> {
        DeviceToken::parse(self.client.device_token()?, &self.keys)
    }
}
