//! ALTER TABLE .. ADD, DROP and MODIFY DATA METRIC FUNCTION, and the schedule.

use icecore_governance::Verb;
use icecore_snapshot::{Object, Requirement};
use icecore_sql::{MetricAction, MetricChange, MetricOn, MetricSpec};
use icecore_types::{
    Code, ColumnDefinition, ColumnId, DataMetricFunction, Error, MetricBinding, MetricExpectation,
    MetricSource, Name, ObjectKind, PolicyArgument, QualifiedName, Result, SystemMetric,
    TableDefinition,
};

use super::function::fits;
use crate::plan::system_metric;
use crate::statement::alter::no_column;
use crate::statement::{Planning, path, unknown};
use crate::virtual_schema::SNOWFLAKE;

impl Planning {
    /// Changes what measures a table; the functions must stay there.
    pub(in crate::statement) fn alter_metrics(
        &self,
        table: &mut TableDefinition,
        action: &MetricAction,
    ) -> Result<Vec<Requirement>> {
        match action {
            MetricAction::Schedule(schedule) => {
                table.metric_schedule = *schedule;
                table.metrics.iter_mut().for_each(|binding| self.begin_again(binding));
            }
            MetricAction::Add(added) => {
                let added = added.iter().map(|spec| self.bind(table, spec));
                return Ok(added.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect());
            }
            MetricAction::Drop(dropped) => {
                for on in dropped {
                    let at = self.bound(table, on)?;
                    table.metrics.remove(at);
                }
            }
            MetricAction::Modify(all) => {
                for (on, change) in all {
                    let at = self.bound(table, on)?;
                    self.modify(&mut table.metrics[at], change)?;
                }
            }
        }
        Ok(Vec::new())
    }

    fn modify(&self, binding: &mut MetricBinding, change: &MetricChange) -> Result<()> {
        let known = &mut binding.expectations;
        match change {
            MetricChange::Suspend => binding.suspended = true,
            MetricChange::Resume if binding.suspended => {
                binding.suspended = false;
                self.begin_again(binding);
            }
            MetricChange::Resume => {}
            MetricChange::AddExpectation(one) => {
                if known.iter().any(|it| it.name == one.name) {
                    let what = format!("expectation '{}' already exists", one.name);
                    return Err(Error::new(Code::ALREADY_EXISTS, what));
                }
                known.push(one.clone());
            }
            MetricChange::ModifyExpectation(one) => {
                *expectation_of(known, &one.name)? = one.clone();
            }
            MetricChange::DropExpectation(name) => {
                expectation_of(known, name)?;
                known.retain(|it| it.name != *name);
            }
        }
        Ok(())
    }

    /// What happened until now is not made up for.
    fn begin_again(&self, binding: &mut MetricBinding) {
        binding.since = self.resolver.head().version();
        binding.since_time = self.session.engine().now();
    }

    fn bind(&self, table: &mut TableDefinition, spec: &MetricSpec) -> Result<Option<Requirement>> {
        let source = self.source(&spec.on.function)?;
        if let Some(function) = source.function().and_then(|id| self.resolver.head().object(id)) {
            self.resolver.act(Verb::Apply, function);
        }
        let columns = columns(table, &spec.on)?;
        self.check_columns(source, &columns, &spec.on)?;
        let columns: Vec<ColumnId> = columns.iter().map(|column| column.id).collect();
        if table.metrics.iter().any(|it| it.source == source && it.columns == columns) {
            let what = format!("{} measures these columns already", spec.on.function);
            return Err(Error::new(Code::ALREADY_EXISTS, what));
        }
        table.metrics.push(MetricBinding {
            source,
            columns,
            expectations: spec.expectations.clone(),
            suspended: false,
            since: self.resolver.head().version(),
            since_time: self.session.engine().now(),
        });
        Ok(source.function().map(|id| Requirement::ObjectUnchanged { id }))
    }

    fn source(&self, name: &QualifiedName) -> Result<MetricSource> {
        if let Some(metric) = system_metric(name)? {
            return Ok(MetricSource::System(metric));
        }
        let found = self.resolver.object(ObjectKind::MetricFunction, name)?;
        Ok(MetricSource::Function(found.id()))
    }

    fn check_columns(
        &self,
        source: MetricSource,
        columns: &[&ColumnDefinition],
        on: &MetricOn,
    ) -> Result<()> {
        let fit = match (source, columns) {
            (MetricSource::System(SystemMetric::RowCount), columns) => columns.is_empty(),
            (MetricSource::System(metric), [column]) => metric.takes(&column.sql_type),
            (MetricSource::System(_), _) => false,
            (MetricSource::Function(id), columns) => {
                let function = self.resolver.head().object(id).map(Object::body);
                let function = function.ok_or_else(|| unknown(&on.function))?;
                let declared = function.read::<DataMetricFunction>()?.columns;
                let fit = |(declared, column): (&PolicyArgument, &&ColumnDefinition)| {
                    fits(&declared.sql_type, &column.sql_type)
                };
                declared.len() == columns.len() && declared.iter().zip(columns).all(fit)
            }
        };
        if fit {
            return Ok(());
        }
        let types: Vec<String> = columns.iter().map(|it| it.sql_type.to_string()).collect();
        let what = format!("{} does not measure ({})", on.function, types.join(", "));
        Err(Error::new(Code::TYPE_MISMATCH, what))
    }

    /// The place of what measures: who owns the table may take it off, though it
    /// may not use the function any more.
    fn bound(&self, table: &TableDefinition, on: &MetricOn) -> Result<usize> {
        let unseen = || {
            let names = self.resolver.of_everything();
            let found = names.object(ObjectKind::MetricFunction, &on.function).ok()?;
            let source = MetricSource::Function(found.id());
            table.metrics.iter().any(|it| it.source == source).then_some(source)
        };
        let source = self.source(&on.function).or_else(|error| unseen().ok_or(error))?;
        let columns: Vec<ColumnId> =
            columns(table, on)?.into_iter().map(|column| column.id).collect();
        let found =
            table.metrics.iter().position(|it| it.source == source && it.columns == columns);
        found.ok_or_else(|| {
            let what = format!("{} does not measure these columns", on.function);
            Error::new(Code::OPERATION_IMPOSSIBLE, what)
        })
    }
}

/// The full name of what measures, in three parts.
pub(crate) fn measured_name(head: &icecore_snapshot::Head, source: MetricSource) -> Vec<Name> {
    match source {
        MetricSource::System(metric) => [SNOWFLAKE, "CORE", metric.sql()].map(Name::quoted).into(),
        MetricSource::Function(id) => path(head, id),
    }
}

fn columns<'t>(table: &'t TableDefinition, on: &MetricOn) -> Result<Vec<&'t ColumnDefinition>> {
    let find = |name: &Name| table.column(name).ok_or_else(|| no_column(name));
    on.columns.iter().map(find).collect()
}

fn expectation_of<'e>(
    known: &'e mut [MetricExpectation],
    name: &Name,
) -> Result<&'e mut MetricExpectation> {
    known.iter_mut().find(|it| it.name == *name).ok_or_else(|| {
        Error::new(Code::OPERATION_IMPOSSIBLE, format!("expectation '{name}' does not exist"))
    })
}

/// Fails if a column that is dropped is measured.
pub(crate) fn refuse_measured(table: &TableDefinition, column: &Name) -> Result<()> {
    let Some(column) = table.column(column) else { return Ok(()) };
    match table.metrics.iter().any(|binding| binding.columns.contains(&column.id)) {
        true => Err(Error::new(
            Code::INVALID_STATEMENT,
            format!("column '{}' is measured by a data metric function", column.name),
        )
        .with_help("ALTER TABLE .. DROP DATA METRIC FUNCTION first")),
        false => Ok(()),
    }
}
