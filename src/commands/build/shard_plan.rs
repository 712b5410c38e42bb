//! [`ShardPlan`]: divides the recipes of a fleet among shards, so that each machine finds the same division by itself.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use crate::oci::Digest;

/// Hexadecimal digits of a plan's name: enough to tell the plans of one pipeline apart, and to be read aloud.
const ID_DIGITS: usize = 12;

/// A recipe of the fleet, as far as the division depends on it. Nothing of the machine is in it.
#[derive(Debug, Clone)]
pub(super) struct FleetRecipe {
    /// The name of the image; where it is not known, the path of the recipe. Recipes with one name are in one shard, which finds
    /// that they conflict.
    pub(super) name: String,
    /// Of the text of the recipe, if it could be read.
    pub(super) text: Option<Digest>,
    /// What its compiles have in common with others: the folder of the Go module or of the cargo workspace.
    pub(super) compiles: BTreeSet<String>,
    /// How much work it is, compared with others; at least 1.
    pub(super) weight: u64,
}

/// Which shard builds which recipe.
///
/// Recipes that share a compile are a group, and stay in one shard, so that what they share is compiled once: groups go, the
/// heaviest first, to the shard that has least so far. A group that is more than the fair share of a shard would leave the others
/// idle (a fleet in one Go module is one group), so it fills one shard after another up to that share.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ShardPlan {
    /// The shard of each recipe, from 0, in the order in which they were given.
    pub(super) shards: Vec<usize>,
    /// The same for the same recipes, weights and groups in any order, and for no others.
    pub(super) id: String,
}

/// The recipes of one name.
struct Unit<'a> {
    name: &'a str,
    members: Vec<usize>,
    weight: u64,
}

impl ShardPlan {
    /// Divides `recipes` into `count` shards, of which some may be empty.
    pub(super) fn new(recipes: &[FleetRecipe], count: usize) -> Self {
        let units = units(recipes);
        let groups = group(&units, recipes);
        let mut by_weight: Vec<Vec<&Unit<'_>>> = groups.into_values().collect();
        by_weight.sort_by_key(|group| (Reverse(weight(group)), group.first().map(|unit| unit.name)));
        let mut loads =
            Loads { loads: vec![0; count.max(1)], total: units.iter().map(|unit| u128::from(unit.weight)).sum() };
        let mut shards = vec![0; recipes.len()];
        for mut group in by_weight {
            let is_too_heavy = loads.exceeds_share(weight(&group));
            group.sort_by_key(|unit| (Reverse(unit.weight), unit.name));
            let mut shard = loads.lightest();
            for unit in group {
                if is_too_heavy && loads.is_full_for(shard, unit.weight) {
                    shard = loads.lightest();
                }
                loads.add(shard, unit.weight);
                for member in &unit.members {
                    if let Some(place) = shards.get_mut(*member) {
                        *place = shard;
                    }
                }
            }
        }
        Self { id: id(recipes, &units, count), shards }
    }
}

/// The weight of each shard so far.
struct Loads {
    loads: Vec<u128>,
    total: u128,
}

impl Loads {
    /// The first shard of those that have least.
    fn lightest(&self) -> usize {
        let least = self.loads.iter().enumerate().min_by_key(|(index, load)| (**load, *index));
        least.map_or(0, |(index, _)| index)
    }

    fn of(&self, shard: usize) -> u128 {
        self.loads.get(shard).copied().unwrap_or_default()
    }

    fn add(&mut self, shard: usize, weight: u64) {
        if let Some(load) = self.loads.get_mut(shard) {
            *load += u128::from(weight);
        }
    }

    /// Whether less than half of this work still fits into the fair share of the shard.
    fn is_full_for(&self, shard: usize, weight: u64) -> bool {
        (2 * self.of(shard) + u128::from(weight)) * self.loads.len() as u128 > 2 * self.total
    }

    /// Whether this is more than all work divided by the number of shards.
    fn exceeds_share(&self, weight: u128) -> bool {
        weight * self.loads.len() as u128 > self.total
    }
}

fn weight(group: &[&Unit<'_>]) -> u128 {
    group.iter().map(|unit| u128::from(unit.weight)).sum()
}

/// The recipes by their names, sorted.
fn units(recipes: &[FleetRecipe]) -> Vec<Unit<'_>> {
    let mut names: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, recipe) in recipes.iter().enumerate() {
        names.entry(&recipe.name).or_default().push(index);
    }
    let weigh = |members: &[usize]| {
        let weights = members.iter().filter_map(|index| Some(recipes.get(*index)?.weight.max(1)));
        weights.fold(0, u64::saturating_add)
    };
    names.into_iter().map(|(name, members)| Unit { name, weight: weigh(&members), members }).collect()
}

/// The units that share compiles, directly or through others, by the first unit of each group.
fn group<'u, 'a>(units: &'u [Unit<'a>], recipes: &[FleetRecipe]) -> BTreeMap<usize, Vec<&'u Unit<'a>>> {
    // The unit that stands for the group of each unit: an earlier one of it, or itself.
    let mut above: Vec<usize> = (0..units.len()).collect();
    let mut first_of: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, unit) in units.iter().enumerate() {
        let compiles =
            unit.members.iter().filter_map(|member| recipes.get(*member)).flat_map(|recipe| &recipe.compiles);
        for compile in compiles {
            let known = *first_of.entry(compile).or_insert(index);
            let (one, other) = (first(&above, known), first(&above, index));
            if let Some(place) = above.get_mut(one.max(other)) {
                *place = one.min(other);
            }
        }
    }
    let mut groups: BTreeMap<usize, Vec<&Unit<'_>>> = BTreeMap::new();
    for (index, unit) in units.iter().enumerate() {
        groups.entry(first(&above, index)).or_default().push(unit);
    }
    groups
}

/// The unit that stands for the group of `index`.
fn first(above: &[usize], mut index: usize) -> usize {
    while let Some(next) = above.get(index).copied().filter(|next| *next != index) {
        index = next;
    }
    index
}

/// The name of the plan: a digest of all that the division depends on. Groups are named by their first unit, because paths of
/// the machine must not be in it.
fn id(recipes: &[FleetRecipe], units: &[Unit<'_>], count: usize) -> String {
    let mut text = format!("{count}\n");
    for (first, group) in group(units, recipes) {
        for unit in group {
            let members = unit.members.iter().filter_map(|index| recipes.get(*index)).map(|recipe| recipe.text);
            let texts: BTreeSet<String> =
                members.map(|digest| digest.map(|digest| digest.to_string()).unwrap_or_default()).collect();
            let members = unit.members.len();
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{first} {:?} {members} {texts:?} {}", unit.name, unit.weight);
        }
    }
    Digest::of(text.as_bytes()).hex().chars().take(ID_DIGITS).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn recipe(name: &str, compile: Option<u8>, weight: u64) -> FleetRecipe {
        let compiles = compile.map(|compile| format!("go {compile}")).into_iter().collect();
        FleetRecipe { name: name.to_owned(), text: None, compiles, weight }
    }

    /// The weight of each shard.
    fn loads(recipes: &[FleetRecipe], count: usize) -> Vec<u64> {
        let plan = ShardPlan::new(recipes, count);
        let mut loads = vec![0; count];
        plan.shards.iter().zip(recipes).for_each(|(shard, recipe)| loads[*shard] += recipe.weight);
        loads
    }

    fn numbered(
        count: usize,
        compile: impl Fn(usize) -> Option<u8>,
        weight: impl Fn(usize) -> u64,
    ) -> Vec<FleetRecipe> {
        (0..count).map(|number| recipe(&format!("r{number:02}"), compile(number), weight(number))).collect()
    }

    #[test]
    fn shards_get_the_same_amount_of_work() {
        assert_eq!(loads(&numbered(46, |_| None, |_| 1), 3), [16, 15, 15]);
        // All of one Go module.
        assert_eq!(loads(&numbered(46, |_| Some(0), |_| 1), 3), [16, 15, 15]);
        // Two modules do not fit into three shards as they are.
        let two = loads(&numbered(46, |number| Some(u8::from(number >= 23)), |_| 1), 3);
        assert!(two.iter().all(|load| (14..=17).contains(load)), "{two:?}");
        let skewed = numbered(10, |_| None, |number| if number == 9 { 1000 } else { 100 });
        let mut skewed = loads(&skewed, 3);
        skewed.sort_unstable();
        assert_eq!(skewed, [400, 500, 1000]);
        assert_eq!(loads(&numbered(2, |_| None, |_| 7), 4), [7, 7, 0, 0]);
        assert_eq!(loads(&[], 2), [0, 0]);
    }

    #[test]
    fn what_shares_a_compile_stays_together_where_it_fits() {
        let recipes = numbered(12, |number| u8::try_from(number % 4).ok(), |_| 1);
        let plan = ShardPlan::new(&recipes, 2);
        for number in 0..4 {
            let own: BTreeSet<_> = plan.shards.iter().skip(number).step_by(4).collect();
            assert_eq!(own.len(), 1, "{:?}", plan.shards);
        }
        assert_eq!(loads(&recipes, 2), [6, 6]);
    }

    #[test]
    fn the_name_of_a_plan_is_that_of_all_it_depends_on() {
        let recipes = numbered(5, |number| u8::try_from(number % 2).ok(), |_| 3);
        let id = |change: &dyn Fn(&mut Vec<FleetRecipe>), count| {
            let mut recipes = recipes.clone();
            change(&mut recipes);
            ShardPlan::new(&recipes, count).id
        };
        let known = id(&|_| {}, 2);
        assert_eq!(known.len(), ID_DIGITS);
        assert_eq!(id(&|recipes| recipes.reverse(), 2), known);
        let renamed = |recipes: &mut Vec<FleetRecipe>| {
            for recipe in recipes.iter_mut() {
                recipe.compiles = recipe.compiles.iter().map(|one| format!("/w/{one}")).collect();
            }
        };
        assert_eq!(id(&renamed, 2), known, "where the checkout is does not count");
        let others = [
            id(&|_| {}, 3),
            id(&|recipes| drop(recipes.pop()), 2),
            id(&|recipes| recipes[0].weight = 4, 2),
            id(&|recipes| recipes[0].name.push('x'), 2),
            id(&|recipes| recipes[0].text = Some(Digest::of(b"x")), 2),
            id(&|recipes| recipes[0].compiles.clear(), 2),
        ];
        assert!(!others.contains(&known));
        assert_eq!(BTreeSet::from(others).len(), 6);
    }

    proptest! {
        /// Every recipe is in one of the shards, whatever the order in which machines list them, and those of one name together.
        #[test]
        fn shards_are_complete_disjoint_and_the_same_everywhere(
            fleet in proptest::collection::vec((0..20_u8, proptest::option::of(0..5_u8), 0..1_000_000_u64), 0..40),
            count in 1..8_usize,
        ) {
            let recipes: Vec<_> = fleet.iter().map(|(name, compile, weight)| recipe(&format!("n{name}"), *compile, *weight)).collect();
            let plan = ShardPlan::new(&recipes, count);
            prop_assert_eq!(plan.shards.len(), recipes.len());
            prop_assert!(plan.shards.iter().all(|shard| *shard < count));
            let reversed: Vec<_> = recipes.iter().rev().cloned().collect();
            let other = ShardPlan::new(&reversed, count);
            prop_assert_eq!(&other.id, &plan.id);
            prop_assert!(other.shards.iter().rev().eq(&plan.shards));
            let mut of_name = BTreeMap::new();
            for (recipe, shard) in recipes.iter().zip(&plan.shards) {
                prop_assert_eq!(of_name.entry(&recipe.name).or_insert(shard), &shard);
            }
            // No shard has more than twice its share, but for one recipe that is heavier by itself.
            let units = units(&recipes);
            let total: u128 = units.iter().map(|unit| u128::from(unit.weight)).sum();
            let heaviest = units.iter().map(|unit| u128::from(unit.weight)).max().unwrap_or_default();
            let mut loads = vec![0_u128; count];
            for unit in &units {
                loads[plan.shards[unit.members[0]]] += u128::from(unit.weight);
            }
            let bound = 2 * total.div_ceil(count as u128) + heaviest;
            prop_assert!(loads.iter().all(|load| *load <= bound), "{:?} of {}", loads, total);
        }
    }
}
