//! The proof that one row is in the log, which anybody can check with the public key.

use super::checkpoint::{Checkpoint, CheckpointError};
use super::note::PublicKey;
use super::row::Row;
use super::tree::{Hash, root_of};

/// One row, a signed checkpoint that covers it, and the hashes that lead from the one to the other (RFC 6962 2.1.1).
#[derive(Clone, Debug)]
pub struct InclusionProof {
    pub(crate) table: String,
    pub(crate) row: Row,
    pub(crate) leaf: u64,
    pub(crate) path: Vec<Hash>,
    pub(crate) checkpoint: Checkpoint,
}

/// Why a proof proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// The checkpoint in it does not hold.
    #[error("its checkpoint does not hold: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// The row is not the one that the log has there.
    #[error("the log has another row there")]
    OtherRow,
    /// The log has marked the row as one that somebody else wrote: see [`Row::is_foreign`].
    #[error("it is of a row that Sigra did not write")]
    Foreign,
}

impl InclusionProof {
    /// Puts a proof together again from its parts, such as an export has them.
    #[must_use]
    pub fn from_parts(table: &str, row: Row, path: Vec<[u8; 32]>, checkpoint: Checkpoint) -> Option<Self> {
        let leaf = u64::try_from(row.leaf?).ok()?;
        Some(Self { table: table.to_owned(), row, leaf, path, checkpoint })
    }

    /// The row. Its personal facts are not what is proved: they may have been erased.
    #[must_use]
    pub fn row(&self) -> &Row {
        &self.row
    }

    /// The table that it stands in, which is part of what is hashed.
    #[must_use]
    pub fn table(&self) -> &str {
        &self.table
    }

    /// The checkpoint that covers the row.
    #[must_use]
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The hashes beside the way from the row to the root.
    #[must_use]
    pub fn path(&self) -> &[[u8; 32]] {
        &self.path
    }

    /// Whether one of these keys signed that the log has this row in its place, as one of Sigra's.
    ///
    /// # Errors
    /// [`ProofError`].
    pub fn verify(&self, keys: &[PublicKey]) -> Result<(), ProofError> {
        self.checkpoint.verify(keys)?;
        if self.row.is_foreign() {
            return Err(ProofError::Foreign);
        }
        let leaf_hash = self.row.leaf_hash(&self.table);
        let root = root_of(leaf_hash, self.leaf, self.checkpoint.size(), &self.path);
        if root == Some(self.checkpoint.root()) { Ok(()) } else { Err(ProofError::OtherRow) }
    }
}
