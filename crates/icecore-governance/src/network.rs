//! From where a request may come.

use std::net::IpAddr;

use icecore_types::{Code, Error, Result};

/// Addresses that share their first bits.
///
/// ```
/// use icecore_governance::AddressBlock;
/// let block = AddressBlock::parse("192.168.1.0/24")?;
/// assert!(block.contains("192.168.1.5".parse().expect("an address")));
/// assert!(AddressBlock::parse("192.168.1.0/33").is_err());
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressBlock {
    address: IpAddr,
    bits: u32,
}

impl AddressBlock {
    /// An address, or one with the number of bits that count.
    ///
    /// # Errors
    /// `InvalidInput` if it is neither.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = || {
            Error::new(Code::INVALID_OPTION, format!("not an address or a block of them: '{text}'"))
                .with_help("write 192.168.1.0/24 or 2001:db8::/32")
        };
        let (address, bits) = text.split_once('/').map_or((text, None), |(a, b)| (a, Some(b)));
        let address: IpAddr = address.trim().parse().map_err(|_| wrong())?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(width), |bits| bits.trim().parse().map_err(|_| wrong()))?;
        if bits > width {
            return Err(wrong());
        }
        Ok(Self { address, bits })
    }

    /// Whether they are IPv4 addresses.
    pub fn is_ipv4(&self) -> bool {
        self.address.is_ipv4()
    }

    /// Whether an address is among them. One of the other family is not.
    pub fn contains(&self, address: IpAddr) -> bool {
        let same = |one: u128, other: u128, width: u32| {
            let differing = (one ^ other).checked_shr(width - self.bits);
            differing.is_none_or(|bits| bits == 0)
        };
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(one), IpAddr::V4(other)) => {
                same(u128::from(one.to_bits()), u128::from(other.to_bits()), 32)
            }
            (IpAddr::V6(one), IpAddr::V6(other)) => same(one.to_bits(), other.to_bits(), 128),
            _ => false,
        }
    }
}

/// A network policy with the blocks of its rules.
///
/// ```
/// use icecore_governance::{AddressBlock, NetworkPolicy};
/// let allowed = vec![AddressBlock::parse("10.0.0.0/8")?];
/// let policy = NetworkPolicy { allowed, blocked: Vec::new() };
/// assert!(policy.admits("10.1.2.3".parse().expect("an address")).is_ok());
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetworkPolicy {
    /// If there are any, nothing else of their family comes in.
    pub allowed: Vec<AddressBlock>,
    /// What does not come in, whatever is allowed.
    pub blocked: Vec<AddressBlock>,
}

impl NetworkPolicy {
    /// Whether a request from this address comes in.
    ///
    /// # Errors
    /// `Denied` if it does not.
    pub fn admits(&self, address: IpAddr) -> Result<()> {
        let address = address.to_canonical();
        let within = |blocks: &[AddressBlock]| blocks.iter().any(|block| block.contains(address));
        let listed = self.allowed.iter().any(|block| block.address.is_ipv4() == address.is_ipv4());
        if within(&self.blocked) || (listed && !within(&self.allowed)) {
            return Err(Error::new(
                Code::ADDRESS_REFUSED,
                format!("incoming request with ip {address} is not allowed"),
            ));
        }
        Ok(())
    }

    /// The policy that counts: the user's, else the account's; without one
    /// everything comes in.
    ///
    /// # Errors
    /// `Denied` if it does not.
    pub fn check(user: Option<&Self>, account: Option<&Self>, address: IpAddr) -> Result<()> {
        user.or(account).map_or(Ok(()), |policy| policy.admits(address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(allowed: &[&str], blocked: &[&str]) -> NetworkPolicy {
        let blocks =
            |texts: &[&str]| texts.iter().map(|text| AddressBlock::parse(text).unwrap()).collect();
        NetworkPolicy { allowed: blocks(allowed), blocked: blocks(blocked) }
    }

    /// A10.8
    #[test]
    fn blocked_goes_before_allowed_and_the_users_policy_before_the_accounts() {
        let account = policy(&["192.168.1.0/24"], &["192.168.1.99"]);
        let user = policy(&["10.0.0.0/8"], &[]);
        let check = |user, address: &str| {
            NetworkPolicy::check(user, Some(&account), address.parse().unwrap())
        };
        assert!(check(None, "192.168.1.5").is_ok());
        assert!(check(None, "::ffff:192.168.1.5").is_ok());
        for refused in ["192.168.1.99", "10.0.0.1", "::ffff:192.168.1.99"] {
            assert_eq!(check(None, refused).unwrap_err().code().number(), "390422");
        }
        assert!(check(Some(&user), "10.0.0.1").is_ok());
        assert!(check(Some(&user), "192.168.1.5").is_err());
        assert!(check(None, "2001:db8::1").is_ok());
        assert!(policy(&["::/0"], &[]).admits("1.2.3.4".parse().unwrap()).is_ok());
        assert!(policy(&["0.0.0.0/0"], &["0.0.0.0/0"]).admits("1.2.3.4".parse().unwrap()).is_err());
    }
}
