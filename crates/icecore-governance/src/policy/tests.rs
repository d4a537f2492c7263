use icecore_types::{ErrorKind, PolicyArgument, PolicyReturns, TablePolicies};

use super::*;

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
            column(1, "a", SqlType::TEXT),
            column(2, "b", SqlType::Varchar { length: 9 }),
            column(3, "n", SqlType::Integer),
        ],
        next_column: 4,
        ..TableDefinition::default()
    }
}

fn policy(types: &[SqlType]) -> PolicyDefinition {
    let argument = |(at, sql_type): (usize, &SqlType)| PolicyArgument {
        name: Name::unquoted(&format!("x{at}")),
        sql_type: *sql_type,
    };
    PolicyDefinition {
        arguments: types.iter().enumerate().map(argument).collect(),
        returns: PolicyReturns::Value(SqlType::Boolean),
        body: "TRUE".into(),
        comment: None,
    }
}

fn names(names: &[&str]) -> Vec<Name> {
    names.iter().map(|name| Name::unquoted(name)).collect()
}

const ONE: u128 = 1;

#[test]
fn one_policy_for_the_rows_and_one_for_each_column() {
    let (mut table, text) = (table(), policy(&[SqlType::TEXT]));
    let id = ObjectId::from_bits(ONE);
    set_mask(&mut table, (id, &text), &names(&["a"]), false).unwrap();
    let again = set_mask(&mut table, (id, &text), &names(&["a"]), false).unwrap_err();
    assert_eq!(again.kind(), ErrorKind::AlreadyExists);
    let other = ObjectId::from_bits(2);
    set_mask(&mut table, (other, &text), &names(&["a"]), true).unwrap();
    assert_eq!(table.policies.masks.len(), 1);
    assert_eq!(table.policies.policies().collect::<Vec<_>>(), [other]);
    add_row_access(&mut table, (id, &text), &names(&["b"])).unwrap();
    let again = add_row_access(&mut table, (other, &text), &names(&["b"])).unwrap_err();
    assert_eq!(again.kind(), ErrorKind::AlreadyExists);
    assert!(drop_row_access(&mut table, other).is_err());
    drop_row_access(&mut table, id).unwrap();
    unset_mask(&mut table, &Name::unquoted("a")).unwrap();
    assert_eq!(table.policies, TablePolicies::default());
    assert!(unset_mask(&mut table, &Name::unquoted("a")).is_err());
}

#[test]
fn no_column_is_in_two_kinds_of_signature() {
    let (text, two) = (policy(&[SqlType::TEXT]), policy(&[SqlType::TEXT, SqlType::TEXT]));
    let id = ObjectId::from_bits(ONE);
    let mut masked = table();
    set_mask(&mut masked, (id, &two), &names(&["a", "b"]), false).unwrap();
    for column in ["a", "b"] {
        assert!(add_row_access(&mut masked, (id, &text), &names(&[column])).is_err(), "{column}");
    }
    assert!(set_mask(&mut masked, (id, &text), &names(&["b"]), false).is_err());
    let mut filtered = table();
    add_row_access(&mut filtered, (id, &text), &names(&["b"])).unwrap();
    assert!(set_mask(&mut filtered, (id, &two), &names(&["a", "b"]), false).is_err());
    assert!(set_mask(&mut filtered, (id, &text), &names(&["b"]), false).is_err());
    assert!(filtered.policies.masks.is_empty());
}

#[test]
fn masked_columns_are_no_conditions() {
    let (text, two) = (policy(&[SqlType::TEXT]), policy(&[SqlType::TEXT, SqlType::TEXT]));
    let id = ObjectId::from_bits(ONE);
    let mut table = table();
    set_mask(&mut table, (id, &text), &names(&["b"]), false).unwrap();
    assert!(set_mask(&mut table, (id, &two), &names(&["a", "b"]), false).is_err());
}

#[test]
fn types_and_numbers_of_arguments_agree() {
    let id = ObjectId::from_bits(ONE);
    for (types, columns) in [
        (vec![SqlType::TEXT], vec!["n"]),
        (vec![SqlType::Boolean], vec!["a"]),
        (vec![SqlType::TEXT], vec!["a", "b"]),
        (vec![SqlType::TEXT, SqlType::TEXT], vec!["a", "a"]),
        (vec![SqlType::TEXT], vec!["zz"]),
    ] {
        let found = add_row_access(&mut table(), (id, &policy(&types)), &names(&columns));
        assert!(found.is_err(), "{columns:?}");
    }
}

#[test]
fn what_a_policy_needs_stays() {
    let (text, two) = (policy(&[SqlType::TEXT]), policy(&[SqlType::TEXT, SqlType::Integer]));
    let id = ObjectId::from_bits(ONE);
    let mut table = table();
    set_mask(&mut table, (id, &two), &names(&["a", "n"]), false).unwrap();
    add_row_access(&mut table, (id, &text), &names(&["b"])).unwrap();
    for column in ["a", "b", "n"] {
        assert!(refuse_dropping(&table, &Name::unquoted(column)).is_err(), "{column}");
    }
    table.policies = TablePolicies::default();
    assert!(refuse_dropping(&table, &Name::unquoted("a")).is_ok());
}
