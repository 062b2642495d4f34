//! What the form of a statement says about it.

/// What a statement does that the rest of the file is read by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Meaning {
    /// Nothing of that kind.
    Plain,
    Begin,
    Commit,
    StandardStrings(bool),
    ClientEncoding,
    SearchPath,
    /// Rows follow.
    Copy,
    /// A sequence gets its value.
    SequenceValue,
    /// A new object that is none of the following.
    Creates,
    CreatesSchema,
    /// A function or a procedure.
    CreatesRoutine,
    /// A new object for which the server calls functions that stand there without a parenthesis, or takes one type's bytes
    /// for another's.
    MakesCode,
    /// A parser of text search that PostgreSQL itself does not have: functions which do not belong together crash the server.
    TextSearch,
    /// Such a template; it crashes the server where a dictionary uses it.
    Template,
    /// A dictionary, of the template that it names.
    Dictionary,
    /// An extension, with objects of its own.
    Extension,
    Table,
    /// A table that its own statement makes a partition.
    Partition,
    PartitionedTable,
    View,
    /// A view that may take another one's place.
    ReplacedView,
    MaterializedView,
    ForeignTable,
    /// A foreign table that its own statement makes a partition: rows for the table that it is a part of go to its server.
    ForeignPartition,
    /// A table becomes a partition.
    Attaches,
    /// A rule that does something.
    Rule,
    /// A constraint or an index on a table that must be there, or a foreign key to one.
    Completes,
    /// Such an index.
    Index,
    /// A primary key or a unique constraint on such a table, made from columns.
    Key,
    /// A statement about an index or a constraint that exists already.
    BehindIndex,
    /// A setting of the session.
    Setting,
    /// `transaction_timeout` is 0.
    NoTransactionTimeout,
    /// The session acts as another role.
    ActsAs,
    /// The planner's statistics come back.
    Statistics,
    Drops,
    DropsSchema,
    /// A role gets rights on an object.
    Grants,
    /// A role gets rights on the objects that are made from here on.
    DefaultRights,
    /// An object of a schema gets an owner.
    Gives,
    /// A schema does.
    GivesSchema,
}

impl Meaning {
    /// Whether the statement needs a table that must be there.
    pub(in super::super) fn completes(self) -> bool {
        matches!(self, Self::Completes | Self::Index | Self::Key)
    }

    /// Whether what it makes may run functions while the rest is loaded, whatever the statement calls itself. The
    /// statements of a rule run with each row that comes behind it.
    pub(in super::super) fn makes_code(self) -> bool {
        matches!(self, Self::CreatesRoutine | Self::MakesCode | Self::TextSearch | Self::Template | Self::Rule)
    }

    /// Whether it makes an object whose form names its schema as `@name` or `@routine`.
    pub(in super::super) fn creates_in_schema(self) -> bool {
        use Meaning::{Creates, CreatesRoutine, Dictionary, MakesCode, Template, TextSearch};
        matches!(self, Creates | CreatesRoutine | MakesCode | TextSearch | Template | Dictionary)
    }

    /// Whether it makes something that is read again and again with the rights of its owner.
    pub(in super::super) fn reads_for_others(self) -> bool {
        matches!(self, Self::View | Self::ReplacedView | Self::MaterializedView | Self::Rule)
    }

    /// Whether the statement changes the session alone.
    pub(in super::super) fn sets(self) -> bool {
        use Meaning::{ActsAs, ClientEncoding, NoTransactionTimeout, SearchPath, Setting, StandardStrings};
        matches!(self, Setting | NoTransactionTimeout | ActsAs | StandardStrings(_) | SearchPath | ClientEncoding)
    }

    /// Whether pg_dump, which drops before it creates, drops nothing from here on.
    pub(in super::super) fn creates(self) -> bool {
        use Meaning::{
            CreatesSchema, Extension, ForeignPartition, ForeignTable, MaterializedView, Partition, PartitionedTable,
            Rule, Table, View,
        };
        let is_in_schema = self.creates_in_schema();
        let creates = matches!(
            self,
            CreatesSchema
                | Extension
                | Table
                | Partition
                | PartitionedTable
                | View
                | MaterializedView
                | ForeignTable
                | ForeignPartition
                | Rule
        );
        creates || is_in_schema
    }
}
