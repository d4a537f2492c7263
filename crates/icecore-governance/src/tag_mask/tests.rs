use icecore_types::{Name, PolicyArgument, PolicyReturns, TablePolicies};

use super::*;

const TEXT: SqlType = SqlType::TEXT;

fn table() -> TableDefinition {
    let column = |id, name: &str, sql_type| ColumnDefinition {
        id: ColumnId::new(id),
        name: Name::unquoted(name),
        sql_type,
        not_null: false,
        default: None,
        value_before: None,
        comment: None,
    };
    TableDefinition {
        columns: vec![
            column(1, "a", SqlType::Varchar { length: 9 }),
            column(2, "n", SqlType::Number { precision: 9, scale: 2 }),
        ],
        ..TableDefinition::default()
    }
}

/// Policy `policy` of tag `tag`, whose arguments are called as given.
fn of_tag((tag, policy): (u128, u128), arguments: &[(&str, SqlType)]) -> TagPolicy {
    let argument = |(name, sql_type): &(&str, SqlType)| PolicyArgument {
        name: Name::unquoted(name),
        sql_type: *sql_type,
    };
    let definition = PolicyDefinition {
        arguments: arguments.iter().map(argument).collect(),
        returns: PolicyReturns::Value(TEXT),
        body: "'***'".into(),
        comment: None,
    };
    let (tag, policy) = (ObjectId::from_bits(tag), ObjectId::from_bits(policy));
    TagPolicy { tag, policy, definition }
}

/// Column, policy and status of each mask, if all columns have these tags.
fn found(table: &TableDefinition, levels: TagLevels) -> Vec<(u32, u128, PolicyStatus)> {
    let masks = masks_of_tags(table, |_| levels.clone());
    let shown = |mask: &TagMask| (mask.mask.column.get(), mask.mask.policy, mask.status);
    let bits = |(column, policy, status): (u32, ObjectId, PolicyStatus)| {
        (column, (1..99).find(|bits| ObjectId::from_bits(*bits) == policy).unwrap(), status)
    };
    masks.iter().map(shown).map(bits).collect()
}

#[test]
fn a_policy_masks_the_columns_of_its_type_whatever_their_length_or_scale() {
    let text = of_tag((1, 11), &[("v", TEXT)]);
    let number = of_tag((1, 12), &[("v", SqlType::Integer)]);
    let float = of_tag((1, 13), &[("v", SqlType::Float)]);
    let levels = vec![vec![text, number, float]];
    let active = PolicyStatus::Active;
    assert_eq!(found(&table(), levels), [(1, 11, active), (2, 12, active)]);
}

#[test]
fn the_nearest_level_that_has_one_of_the_type_wins() {
    let near = vec![of_tag((1, 11), &[("v", SqlType::Float)])];
    let middle = vec![of_tag((2, 12), &[("v", TEXT)])];
    let far = vec![of_tag((3, 13), &[("v", TEXT)])];
    assert_eq!(found(&table(), vec![near, middle, far]), [(1, 12, PolicyStatus::Active)]);
}

#[test]
fn a_policy_of_the_column_itself_comes_first() {
    let mut table = table();
    let mask =
        Mask { column: ColumnId::new(1), policy: ObjectId::from_bits(7), conditions: vec![] };
    table.policies = TablePolicies { masks: vec![mask], ..TablePolicies::default() };
    assert_eq!(found(&table, vec![vec![of_tag((1, 11), &[("v", TEXT)])]]), []);
}

#[test]
fn two_policies_at_one_level_are_both_named_and_one_policy_of_two_tags_is_one() {
    let (first, second) = (of_tag((1, 11), &[("v", TEXT)]), of_tag((2, 12), &[("v", TEXT)]));
    let multiple = PolicyStatus::Multiple;
    let levels = vec![vec![first.clone(), second]];
    assert_eq!(found(&table(), levels), [(1, 11, multiple), (1, 12, multiple)]);
    let same = of_tag((2, 11), &[("v", TEXT)]);
    assert_eq!(found(&table(), vec![vec![first, same]]), [(1, 11, PolicyStatus::Active)]);
}

#[test]
fn further_arguments_are_the_columns_of_their_names() {
    let with = |name, sql_type| vec![vec![of_tag((1, 11), &[("v", TEXT), (name, sql_type)])]];
    let cents = SqlType::Number { precision: 38, scale: 2 };
    let masks = masks_of_tags(&table(), |_| with("n", cents));
    assert_eq!(masks[0].mask.conditions, [ColumnId::new(2)]);
    assert_eq!(masks[0].status, PolicyStatus::Active);
    let mismatch = PolicyStatus::ColumnMismatch;
    assert_eq!(found(&table(), with("n", SqlType::Float)), [(1, 11, mismatch)]);
    assert_eq!(found(&table(), with("x", cents)), [(1, 11, PolicyStatus::ColumnMissing)]);
}
