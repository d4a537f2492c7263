//! TPC-H: its tables, its rows, its queries.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use icecore::arrow::array::RecordBatch;
use tpchgen::csv::{
    CustomerCsv, LineItemCsv, NationCsv, OrderCsv, PartCsv, PartSuppCsv, RegionCsv, SupplierCsv,
};
use tpchgen::generators::{
    CustomerGenerator, LineItemGenerator, NationGenerator, OrderGenerator, PartGenerator,
    PartSuppGenerator, RegionGenerator, SupplierGenerator,
};
use tpchgen_arrow::{
    CustomerArrow, LineItemArrow, NationArrow, OrderArrow, PartArrow, PartSuppArrow, RegionArrow,
    SupplierArrow,
};

use crate::Outcome;

/// Rows of a generated batch.
const BATCH_ROWS: usize = 8_192;

/// A table of TPC-H.
///
/// ```
/// use icecore_benches::TpchTable;
/// let rows: usize = TpchTable::Nation.batches(1.0, 1, 1).map(|batch| batch.num_rows()).sum();
/// assert_eq!(rows, 25);
/// assert!(TpchTable::Nation.ddl().starts_with("CREATE TABLE nation ("));
/// assert_eq!(TpchTable::Region.types()[1], ("r_name", "VARCHAR"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TpchTable {
    /// 5 rows.
    Region,
    /// 25 rows.
    Nation,
    /// 10,000 rows at scale 1.
    Supplier,
    /// 150,000 rows at scale 1.
    Customer,
    /// 200,000 rows at scale 1.
    Part,
    /// 800,000 rows at scale 1.
    PartSupp,
    /// 1,500,000 rows at scale 1.
    Orders,
    /// 6,001,215 rows at scale 1.
    LineItem,
}

impl TpchTable {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Region,
        Self::Nation,
        Self::Supplier,
        Self::Customer,
        Self::Part,
        Self::PartSupp,
        Self::Orders,
        Self::LineItem,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Region => "region",
            Self::Nation => "nation",
            Self::Supplier => "supplier",
            Self::Customer => "customer",
            Self::Part => "part",
            Self::PartSupp => "partsupp",
            Self::Orders => "orders",
            Self::LineItem => "lineitem",
        }
    }

    /// The statement that makes it, with the types of the specification; both
    /// engines run it.
    pub fn ddl(self) -> String {
        format!("CREATE TABLE {} ({})", self.name(), self.columns())
    }

    /// DuckDB's statement that loads a file of [`TpchTable::write_csv`].
    pub fn duckdb_copy(self, file: &Path) -> String {
        format!(
            "COPY {} FROM '{}' (FORMAT csv, HEADER true, DELIMITER ',', QUOTE '\"')",
            self.name(),
            file.display()
        )
    }

    /// Its columns in order, each with its type without length or digits.
    pub fn types(self) -> Vec<(&'static str, &'static str)> {
        let declared = self.columns().split(" NOT NULL");
        let words = declared.map(|column| column.trim_matches([',', ' ', '\n']).split_once(' '));
        let bare = |(name, kind): (_, &'static str)| (name, kind.split('(').next().unwrap_or(kind));
        words.flatten().map(bare).collect()
    }

    fn columns(self) -> &'static str {
        match self {
            Self::Region => {
                "r_regionkey BIGINT NOT NULL, r_name VARCHAR(25) NOT NULL,
                 r_comment VARCHAR(152) NOT NULL"
            }
            Self::Nation => {
                "n_nationkey BIGINT NOT NULL, n_name VARCHAR(25) NOT NULL,
                 n_regionkey BIGINT NOT NULL, n_comment VARCHAR(152) NOT NULL"
            }
            Self::Supplier => {
                "s_suppkey BIGINT NOT NULL, s_name VARCHAR(25) NOT NULL,
                 s_address VARCHAR(40) NOT NULL, s_nationkey BIGINT NOT NULL,
                 s_phone VARCHAR(15) NOT NULL, s_acctbal DECIMAL(15,2) NOT NULL,
                 s_comment VARCHAR(101) NOT NULL"
            }
            Self::Customer => {
                "c_custkey BIGINT NOT NULL, c_name VARCHAR(25) NOT NULL,
                 c_address VARCHAR(40) NOT NULL, c_nationkey BIGINT NOT NULL,
                 c_phone VARCHAR(15) NOT NULL, c_acctbal DECIMAL(15,2) NOT NULL,
                 c_mktsegment VARCHAR(10) NOT NULL, c_comment VARCHAR(117) NOT NULL"
            }
            Self::Part => {
                "p_partkey BIGINT NOT NULL, p_name VARCHAR(55) NOT NULL,
                 p_mfgr VARCHAR(25) NOT NULL, p_brand VARCHAR(10) NOT NULL,
                 p_type VARCHAR(25) NOT NULL, p_size INTEGER NOT NULL,
                 p_container VARCHAR(10) NOT NULL, p_retailprice DECIMAL(15,2) NOT NULL,
                 p_comment VARCHAR(23) NOT NULL"
            }
            Self::PartSupp => {
                "ps_partkey BIGINT NOT NULL, ps_suppkey BIGINT NOT NULL,
                 ps_availqty INTEGER NOT NULL, ps_supplycost DECIMAL(15,2) NOT NULL,
                 ps_comment VARCHAR(199) NOT NULL"
            }
            Self::Orders => {
                "o_orderkey BIGINT NOT NULL, o_custkey BIGINT NOT NULL,
                 o_orderstatus VARCHAR(1) NOT NULL, o_totalprice DECIMAL(15,2) NOT NULL,
                 o_orderdate DATE NOT NULL, o_orderpriority VARCHAR(15) NOT NULL,
                 o_clerk VARCHAR(15) NOT NULL, o_shippriority INTEGER NOT NULL,
                 o_comment VARCHAR(79) NOT NULL"
            }
            Self::LineItem => {
                "l_orderkey BIGINT NOT NULL, l_partkey BIGINT NOT NULL,
                 l_suppkey BIGINT NOT NULL, l_linenumber INTEGER NOT NULL,
                 l_quantity DECIMAL(15,2) NOT NULL, l_extendedprice DECIMAL(15,2) NOT NULL,
                 l_discount DECIMAL(15,2) NOT NULL, l_tax DECIMAL(15,2) NOT NULL,
                 l_returnflag VARCHAR(1) NOT NULL, l_linestatus VARCHAR(1) NOT NULL,
                 l_shipdate DATE NOT NULL, l_commitdate DATE NOT NULL,
                 l_receiptdate DATE NOT NULL, l_shipinstruct VARCHAR(25) NOT NULL,
                 l_shipmode VARCHAR(10) NOT NULL, l_comment VARCHAR(44) NOT NULL"
            }
        }
    }

    /// Part `part` of `parts` of its rows at this scale, in order. Nation and
    /// region are whole in each part: ask for one.
    pub fn batches(
        self,
        scale: f64,
        part: i32,
        parts: i32,
    ) -> Box<dyn Iterator<Item = RecordBatch> + Send> {
        macro_rules! generate {
            ($arrow:ident, $generator:ident) => {
                Box::new(
                    $arrow::new($generator::new(scale, part, parts)).with_batch_size(BATCH_ROWS),
                )
            };
        }
        match self {
            Self::Region => generate!(RegionArrow, RegionGenerator),
            Self::Nation => generate!(NationArrow, NationGenerator),
            Self::Supplier => generate!(SupplierArrow, SupplierGenerator),
            Self::Customer => generate!(CustomerArrow, CustomerGenerator),
            Self::Part => generate!(PartArrow, PartGenerator),
            Self::PartSupp => generate!(PartSuppArrow, PartSuppGenerator),
            Self::Orders => generate!(OrderArrow, OrderGenerator),
            Self::LineItem => generate!(LineItemArrow, LineItemGenerator),
        }
    }

    /// Writes its rows at this scale as CSV with a header, and says how many
    /// they are.
    ///
    /// # Errors
    /// The file's.
    pub fn write_csv(self, file: &Path, scale: f64) -> Outcome<u64> {
        self.write_csv_part(file, scale, 1, 1)
    }

    /// Writes the rows of [`TpchTable::batches`] as CSV with a header.
    ///
    /// # Errors
    /// The file's.
    pub fn write_csv_part(self, file: &Path, scale: f64, part: i32, parts: i32) -> Outcome<u64> {
        let mut out = BufWriter::with_capacity(1 << 20, File::create(file)?);
        let mut rows = 0;
        macro_rules! write_rows {
            ($csv:ident, $generator:ident) => {{
                writeln!(out, "{}", $csv::header())?;
                for row in $generator::new(scale, part, parts).iter() {
                    writeln!(out, "{}", $csv::new(row))?;
                    rows += 1;
                }
            }};
        }
        match self {
            Self::Region => write_rows!(RegionCsv, RegionGenerator),
            Self::Nation => write_rows!(NationCsv, NationGenerator),
            Self::Supplier => write_rows!(SupplierCsv, SupplierGenerator),
            Self::Customer => write_rows!(CustomerCsv, CustomerGenerator),
            Self::Part => write_rows!(PartCsv, PartGenerator),
            Self::PartSupp => write_rows!(PartSuppCsv, PartSuppGenerator),
            Self::Orders => write_rows!(OrderCsv, OrderGenerator),
            Self::LineItem => write_rows!(LineItemCsv, LineItemGenerator),
        }
        out.flush()?;
        Ok(rows)
    }
}

macro_rules! query_files {
    ($($name:literal),*) => {
        [$(($name, include_str!(concat!("../tpch/", $name, ".sql")))),*]
    };
}

/// The 22 queries, with the parameters of the specification's validation: name
/// and text.
pub fn queries() -> [(&'static str, &'static str); 22] {
    query_files![
        "q01", "q02", "q03", "q04", "q05", "q06", "q07", "q08", "q09", "q10", "q11", "q12", "q13",
        "q14", "q15", "q16", "q17", "q18", "q19", "q20", "q21", "q22"
    ]
}
