//! The Merkle tree of RFC 6962 2.1 on SHA-256: as much of it as the log keeps, and the proofs of inclusion.
//!
//! No crate keeps a tree by its right edge alone: ct-merkle 0.3 holds every leaf in memory. The tests hold this file against it
//! and against the published vectors.

use sha2::{Digest as _, Sha256};

/// A hash of the tree.
pub(crate) type Hash = [u8; 32];

/// Leaves of a segment. The log keeps one hash for each full one, which is the root of the perfect subtree over it.
pub(crate) const SEGMENT: u64 = 1 << SEGMENT_HEIGHT;
const SEGMENT_HEIGHT: u32 = 8;

/// The hash of a leaf.
pub(crate) fn leaf_hash(leaf: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(leaf).finalize().into()
}

fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

fn empty_root() -> Hash {
    Sha256::digest([]).into()
}

/// The right edge of a tree: the hashes of its perfect subtrees, the largest first. It is all that appending needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Edge {
    size: u64,
    nodes: Vec<Hash>,
}

impl Edge {
    /// Reads what [`to_bytes`](Self::to_bytes) wrote; `None` where the bytes do not fit the size.
    pub(crate) fn from_bytes(size: u64, bytes: &[u8]) -> Option<Self> {
        let (nodes, rest) = bytes.as_chunks::<32>();
        let fits = rest.is_empty() && nodes.len() == size.count_ones() as usize;
        fits.then(|| Self { size, nodes: nodes.to_vec() })
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        self.nodes.concat()
    }

    /// How many leaves the tree has.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Whether it cannot be what a tree has become: it is shorter, or another of the same length.
    pub(crate) fn goes_back_from(&self, earlier: &Self) -> bool {
        self.size < earlier.size || self.size == earlier.size && self.nodes != earlier.nodes
    }

    /// Appends a leaf by its hash. Where that fills a segment, gives the segment's hash.
    pub(crate) fn push(&mut self, leaf: Hash) -> Option<Hash> {
        self.append(leaf, 0)
    }

    /// Appends a whole segment by its hash to a tree of whole segments.
    pub(crate) fn push_segment(&mut self, segment: Hash) {
        debug_assert!(self.size.is_multiple_of(SEGMENT), "a segment follows whole segments");
        self.append(segment, SEGMENT_HEIGHT);
    }

    /// Appends a perfect subtree, and gives the hash of the segment that it filled.
    fn append(&mut self, subtree: Hash, height: u32) -> Option<Hash> {
        let (mut hash, mut level, mut segment) = (subtree, height, None);
        loop {
            if level == SEGMENT_HEIGHT {
                segment = Some(hash);
            }
            // A bit of the size stands for a subtree of its height, which the new one completes to one of twice the size.
            let left = if self.size >> level & 1 == 1 { self.nodes.pop() } else { None };
            let Some(left) = left else { break };
            hash = node_hash(&left, &hash);
            level += 1;
        }
        self.nodes.push(hash);
        self.size += 1 << height;
        segment
    }

    /// The hash of the whole tree.
    pub(crate) fn root(&self) -> Hash {
        let mut from_the_right = self.nodes.iter().rev().copied();
        let last = from_the_right.next();
        last.map_or_else(empty_root, |last| from_the_right.fold(last, |right, left| node_hash(&left, &right)))
    }
}

/// Where the hashes of a tree come from: whole segments, and the leaves of some.
pub(crate) trait Hashes {
    /// The hash of a leaf, where it is known.
    fn leaf(&self, number: u64) -> Option<Hash>;
    /// The hash of a full segment, where it is known.
    fn segment(&self, number: u64) -> Option<Hash>;
}

/// The hash of the leaves from `low` to `high` (RFC 6962 2.1); `None` where one that it takes is not known.
fn subtree(hashes: &impl Hashes, low: u64, high: u64) -> Option<Hash> {
    let count = high - low;
    if count == SEGMENT
        && low.is_multiple_of(SEGMENT)
        && let Some(segment) = hashes.segment(low / SEGMENT)
    {
        return Some(segment);
    }
    if count <= 1 {
        return hashes.leaf(low);
    }
    let middle = low + split(count);
    Some(node_hash(&subtree(hashes, low, middle)?, &subtree(hashes, middle, high)?))
}

/// The largest power of two below a number of at least two.
fn split(count: u64) -> u64 {
    1 << (count - 1).ilog2()
}

/// The proof that a leaf is in the tree of this size, from the leaf upwards (RFC 6962 2.1.1); `None` where a hash that it takes
/// is not known, or the leaf is not in the tree.
pub(crate) fn inclusion(hashes: &impl Hashes, leaf: u64, size: u64) -> Option<Vec<Hash>> {
    if leaf >= size {
        return None;
    }
    let (mut low, mut high) = (0, size);
    let mut path = Vec::new();
    while high - low > 1 {
        let middle = low + split(high - low);
        if leaf < middle {
            path.push(subtree(hashes, middle, high)?);
            high = middle;
        } else {
            path.push(subtree(hashes, low, middle)?);
            low = middle;
        }
    }
    path.reverse();
    Some(path)
}

/// The root that a proof of inclusion leads to (RFC 9162 2.1.3.2); `None` where the proof has not the length it must have.
pub(crate) fn root_of(leaf_hash: Hash, leaf: u64, size: u64, path: &[Hash]) -> Option<Hash> {
    let (mut node, mut last) = (leaf, size.checked_sub(1).filter(|last| leaf <= *last)?);
    let mut root = leaf_hash;
    for sibling in path {
        if last == 0 {
            return None;
        }
        if node & 1 == 1 || node == last {
            root = node_hash(sibling, &root);
            // The last node of a level without a sibling is carried up as it is.
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            root = node_hash(&root, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    (last == 0).then_some(root)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ct_merkle::mem_backed_tree::MemoryBackedTree;

    /// The leaves, roots and proofs of transparency-dev/merkle, `testonly/constants.go` and `reference_test.go`, which come from
    /// certificate-transparency-go.
    const LEAVES: [&str; 8] =
        ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    const ROOTS: [&str; 9] = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    /// Size, leaf and proof.
    const PROOFS: [(u64, u64, &[&str]); 7] = [
        (1, 0, &[]),
        (2, 0, &["96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"]),
        (2, 1, &["6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"]),
        (3, 2, &["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
        (
            5,
            1,
            &[
                "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            ],
        ),
        (
            8,
            0,
            &[
                "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
            ],
        ),
        (
            8,
            5,
            &[
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ],
        ),
    ];

    fn hash(hex: &str) -> Hash {
        bytes(hex).try_into().unwrap()
    }

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    }

    struct Known {
        leaves: Vec<Hash>,
        segments: Vec<Hash>,
    }

    impl Hashes for Known {
        fn leaf(&self, number: u64) -> Option<Hash> {
            self.leaves.get(usize::try_from(number).unwrap()).copied()
        }
        fn segment(&self, number: u64) -> Option<Hash> {
            self.segments.get(usize::try_from(number).unwrap()).copied()
        }
    }

    #[test]
    fn the_published_roots_and_proofs_come_out() {
        let leaves: Vec<Hash> = LEAVES.iter().map(|leaf| leaf_hash(&bytes(leaf))).collect();
        let known = Known { leaves: leaves.clone(), segments: Vec::new() };
        let mut edge = Edge::default();
        assert_eq!(edge.root(), hash(ROOTS[0]));
        for (leaf, root) in leaves.iter().zip(&ROOTS[1..]) {
            edge.push(*leaf);
            assert_eq!(edge.root(), hash(root), "{} leaves", edge.size());
        }
        for (size, leaf, proof) in PROOFS {
            let proof: Vec<Hash> = proof.iter().map(|node| hash(node)).collect();
            assert_eq!(inclusion(&known, leaf, size).unwrap(), proof, "leaf {leaf} of {size}");
            let at = usize::try_from(leaf).unwrap();
            let root = hash(ROOTS[usize::try_from(size).unwrap()]);
            assert_eq!(root_of(leaves[at], leaf, size, &proof), Some(root));
        }
    }

    #[test]
    fn trees_of_every_size_agree_with_another_implementation() {
        let mut theirs = MemoryBackedTree::<Sha256, Vec<u8>>::new();
        let mut edge = Edge::default();
        let mut known = Known { leaves: Vec::new(), segments: Vec::new() };
        for number in 0_u64..=600 {
            let leaf = number.to_be_bytes().to_vec();
            known.leaves.push(leaf_hash(&leaf));
            known.segments.extend(edge.push(leaf_hash(&leaf)));
            theirs.push(leaf);
            assert_eq!(edge.root()[..], theirs.root().as_bytes()[..]);
            assert_eq!(Edge::from_bytes(edge.size(), &edge.to_bytes()).unwrap(), edge);
            let size = number + 1;
            for leaf in [0, number / 2, number.saturating_sub(1), number] {
                let path = inclusion(&known, leaf, size).unwrap();
                let at = usize::try_from(leaf).unwrap();
                assert_eq!(path.concat(), theirs.prove_inclusion(at).as_bytes(), "leaf {leaf} of {size}");
                assert_eq!(root_of(known.leaves[at], leaf, size, &path), Some(edge.root()));
            }
        }
        assert_eq!(known.segments.len(), 2);
        // By segments alone the tree is the same.
        let mut by_segments = Edge::default();
        known.segments.iter().for_each(|segment| by_segments.push_segment(*segment));
        known.leaves[512..].iter().for_each(|leaf| assert!(by_segments.push(*leaf).is_none()));
        assert_eq!(by_segments, edge);
    }

    #[test]
    fn a_proof_for_another_place_or_of_another_length_leads_elsewhere() {
        let leaves: Vec<Hash> = (0_u8..7).map(|leaf| leaf_hash(&[leaf])).collect();
        let known = Known { leaves: leaves.clone(), segments: Vec::new() };
        let mut edge = Edge::default();
        for leaf in &leaves {
            assert!(edge.push(*leaf).is_none());
        }
        let path = inclusion(&known, 3, 7).unwrap();
        assert_eq!(root_of(leaves[3], 3, 7, &path), Some(edge.root()));
        for (leaf, at, size, path) in [
            (leaves[2], 3, 7, &path[..]),
            (leaves[3], 2, 7, &path[..]),
            (leaves[3], 3, 7, &path[1..]),
            (leaves[3], 3, 3, &path[..]),
            (leaves[3], 3, 7, &[&path[..], &path[..1]].concat()),
        ] {
            assert_ne!(root_of(leaf, at, size, path), Some(edge.root()));
        }
        assert!(inclusion(&known, 7, 7).is_none());
        assert!(Edge::from_bytes(7, &[0; 64]).is_none());
    }
}
