//! Who there is, and what each may do.

use icecore::Result;

use crate::notebook::Notebook;

pub(super) async fn run(notebook: &mut Notebook) -> Result<()> {
    notebook.heading("Three people");
    notebook.say(
        "Everything is denied that is not granted. Roles are made by one role, objects owned by \
         another; each role here gets what it needs, and marketing a schema to work in.",
    );
    for statement in [
        "USE ROLE USERADMIN",
        "CREATE ROLE marketing",
        "CREATE ROLE finance_europe",
        "CREATE ROLE auditor",
        "CREATE USER mia DEFAULT_ROLE = marketing",
        "CREATE USER finn DEFAULT_ROLE = finance_europe",
        "CREATE USER ada DEFAULT_ROLE = auditor",
        "GRANT ROLE marketing TO USER mia",
        "GRANT ROLE finance_europe TO USER finn",
        "GRANT ROLE auditor TO USER ada",
        "USE ROLE SYSADMIN",
        "CREATE SCHEMA sandbox",
        "GRANT USAGE ON DATABASE retail TO ROLE PUBLIC",
        "GRANT USAGE ON SCHEMA processed TO ROLE PUBLIC",
        "GRANT SELECT ON TABLE processed.sales TO ROLE marketing",
        "GRANT SELECT ON TABLE processed.sales TO ROLE finance_europe",
        "GRANT USAGE, CREATE TABLE, CREATE VIEW ON SCHEMA sandbox TO ROLE marketing",
        "USE ROLE ACCOUNTADMIN",
        "GRANT MONITOR USAGE ON ACCOUNT TO ROLE auditor",
        "USE ROLE SYSADMIN",
    ] {
        notebook.run(statement).await?;
    }
    notebook.say("Who reaches the table, and through what:");
    let rows = notebook.show("SHOW EFFECTIVE ACCESS ON TABLE processed.sales").await?;
    notebook.check("roles that reach it", rows.len(), 4)
}
