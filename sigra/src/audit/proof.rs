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
}

impl InclusionProof {
    /// Puts a proof together again from its parts, such as an export has them.
    #[must_use]
    pub fn from_parts(table: &str, row: Row, leaf: u64, path: Vec<[u8; 32]>, checkpoint: Checkpoint) -> Self {
        Self { table: table.to_owned(), row, leaf, path, checkpoint }
    }

    /// The row's number in the log, from zero.
    #[must_use]
    pub fn leaf(&self) -> u64 {
        self.leaf
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

    /// Whether one of these keys signed that the log has this row in its place.
    ///
    /// # Errors
    /// [`ProofError`].
    pub fn verify(&self, keys: &[PublicKey]) -> Result<(), ProofError> {
        self.checkpoint.verify(keys)?;
        let leaf_hash = self.row.leaf_hash(&self.table);
        let root = root_of(leaf_hash, self.leaf, self.checkpoint.size(), &self.path);
        if root == Some(self.checkpoint.root()) { Ok(()) } else { Err(ProofError::OtherRow) }
    }
}
