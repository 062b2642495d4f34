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
    Table,
    /// A table that its own statement makes a partition.
    Partition,
    PartitionedTable,
    View,
    /// A view that may take another one's place.
    ReplacedView,
    MaterializedView,
    ForeignTable,
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

    /// Whether the statement changes the session alone.
    pub(in super::super) fn sets(self) -> bool {
        use Meaning::{ActsAs, ClientEncoding, NoTransactionTimeout, SearchPath, Setting, StandardStrings};
        matches!(self, Setting | NoTransactionTimeout | ActsAs | StandardStrings(_) | SearchPath | ClientEncoding)
    }

    /// Whether pg_dump, which drops before it creates, drops nothing from here on.
    pub(in super::super) fn creates(self) -> bool {
        use Meaning::{
            Creates, CreatesSchema, ForeignTable, MaterializedView, Partition, PartitionedTable, Rule, Table, View,
        };
        matches!(
            self,
            Creates
                | CreatesSchema
                | Table
                | Partition
                | PartitionedTable
                | View
                | MaterializedView
                | ForeignTable
                | Rule
        )
    }
}
