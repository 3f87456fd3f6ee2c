use crate::proto::mesos::v1::{Resource, value};

/// What is left of an offer's `cpus` and `mem`. What is taken keeps role, reservation and allocation as they were
/// offered: Mesos refuses a task whose resources are not those of the offer.
#[derive(Clone, Debug)]
pub struct Pool {
    /// Reserved resources first: nobody else could use what would be left of them.
    entries: Vec<Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    resource: Resource,
    /// In thousandths, as Mesos counts: whole numbers, so that 0.1 + 0.2 is 0.3.
    left: i64,
}

impl Pool {
    /// Of an offer's resources. Revocable and shared ones are left out: they are not for tasks that want to keep them.
    pub fn new(resources: &[Resource]) -> Self {
        let mut entries: Vec<Entry> = resources
            .iter()
            .filter(|r| r.r#type() == value::Type::Scalar && r.revocable.is_none() && r.shared.is_none())
            .map(|resource| Entry {
                left: thousandths(resource.scalar.map_or(0.0, |scalar| scalar.value)),
                resource: resource.clone(),
            })
            .collect();
        entries.sort_by_key(|entry| !is_reserved(&entry.resource));
        Self { entries }
    }

    /// Takes cpus and mem (in MB) out of the pool. None, with nothing taken, when there is less.
    pub fn take(&mut self, cpus: f64, mem: f64) -> Option<Vec<Resource>> {
        let wanted = [("cpus", thousandths(cpus)), ("mem", thousandths(mem))];
        if wanted.iter().any(|&(name, amount)| self.left(name) < amount) {
            return None;
        }
        Some(wanted.iter().flat_map(|&(name, amount)| self.take_one(name, amount)).collect())
    }

    fn left(&self, name: &str) -> i64 {
        self.entries.iter().filter(|entry| entry.resource.name == name).map(|entry| entry.left).sum()
    }

    fn take_one(&mut self, name: &str, mut missing: i64) -> Vec<Resource> {
        let mut taken = Vec::new();
        for entry in &mut self.entries {
            let part = entry.left.min(missing);
            if entry.resource.name != name || part == 0 {
                continue;
            }
            entry.left -= part;
            missing -= part;
            taken.push(Resource {
                scalar: Some(value::Scalar { value: part as f64 / 1000.0 }),
                ..entry.resource.clone()
            });
        }
        taken
    }
}

fn thousandths(value: f64) -> i64 {
    (value * 1000.0).round() as i64
}

fn is_reserved(resource: &Resource) -> bool {
    #[expect(deprecated, reason = "agents of old still offer resources so")]
    let role = resource.role.as_deref();
    !resource.reservations.is_empty() || role.is_some_and(|role| role != "*")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::mesos::v1::resource::{ReservationInfo, RevocableInfo};

    fn scalar(name: &str, value: f64) -> Resource {
        Resource {
            name: name.to_owned(),
            r#type: value::Type::Scalar.into(),
            scalar: Some(value::Scalar { value }),
            ..Default::default()
        }
    }

    fn values(resources: &[Resource]) -> Vec<(&str, f64, usize)> {
        resources.iter().map(|r| (r.name.as_str(), r.scalar.unwrap().value, r.reservations.len())).collect()
    }

    #[test]
    fn counts_in_thousandths_until_nothing_is_left() {
        let mut pool = Pool::new(&[scalar("cpus", 0.3), scalar("mem", 96.0)]);
        for _ in 0..3 {
            let taken = pool.take(0.1, 32.0).unwrap();
            assert_eq!(values(&taken), [("cpus", 0.1, 0), ("mem", 32.0, 0)]);
        }
        assert!(pool.take(0.1, 32.0).is_none());
    }

    #[test]
    fn takes_nothing_when_one_of_both_is_short() {
        let mut pool = Pool::new(&[scalar("cpus", 1.0), scalar("mem", 32.0)]);
        assert!(pool.take(1.0, 33.0).is_none());
        assert!(pool.take(1.0, 32.0).is_some());
    }

    #[test]
    fn takes_reserved_first_and_keeps_how_it_was_offered() {
        let reserved = Resource { reservations: vec![ReservationInfo::default()], ..scalar("cpus", 0.5) };
        let mut pool = Pool::new(&[scalar("cpus", 1.0), reserved, scalar("mem", 64.0)]);
        let taken = pool.take(0.7, 64.0).unwrap();
        assert_eq!(values(&taken), [("cpus", 0.5, 1), ("cpus", 0.2, 0), ("mem", 64.0, 0)]);
    }

    #[test]
    fn leaves_revocable_resources_alone() {
        let revocable = Resource { revocable: Some(RevocableInfo {}), ..scalar("cpus", 4.0) };
        let mut pool = Pool::new(&[revocable, scalar("mem", 64.0)]);
        assert!(pool.take(0.1, 32.0).is_none());
    }
}
