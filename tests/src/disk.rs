//! A disk of a few megabytes for the trail of a server's database, which a test may fill.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::database::{Database, Kind};

/// A file system of its own. Only an administrator of the machine that the server runs on can have one.
#[derive(Debug)]
pub struct SmallDisk {
    database: Database,
    folder: PathBuf,
}

/// Runs a program, and says whether it did what it was to do.
fn done(program: &str, arguments: &[&str], path: &Path) -> bool {
    Command::new(program).args(arguments).arg(path).status().is_ok_and(|status| status.success())
}

impl SmallDisk {
    /// Mounts one for a database that has no tables yet, where `SIGRA_TEST_SMALL_DISKS` says that it may: `None`, and a line
    /// that says so, where not.
    ///
    /// # Panics
    /// It may, and cannot.
    pub async fn mount(database: &Database) -> Option<Self> {
        if std::env::var_os("SIGRA_TEST_SMALL_DISKS").is_none() {
            let line = format!(
                "not covered by this run: a full disk of {} (set SIGRA_TEST_SMALL_DISKS=1 as root on the server's machine)\n",
                database.kind()
            );
            let _ = std::io::stderr().write_all(line.as_bytes());
            return None;
        }
        let (folder, owner) = match database.kind() {
            Kind::Sqlite => panic!("a file of SQLite has a limit of its own"),
            Kind::Postgres => (PathBuf::from("/srv").join(database.name()), "postgres"),
            // Tables lie in the folder of their database, and cannot be moved out of it.
            Kind::MySql => {
                let data = database.texts("SELECT @@datadir").await.remove(0);
                (PathBuf::from(data).join(database.name()), "mysql")
            }
        };
        std::fs::create_dir_all(&folder).expect("a folder");
        assert!(done("mount", &["-t", "tmpfs", "-o", "size=16m,mode=0700", "tmpfs"], &folder), "mounted");
        assert!(done("chown", &[owner], &folder), "the server's own");
        Some(Self { database: database.clone(), folder })
    }

    /// Moves the trail onto it if it is not there, and fills what is left.
    ///
    /// # Panics
    /// The server refuses it.
    pub async fn fill(&self) {
        if self.database.kind() == Kind::Postgres {
            let (name, path) = (self.database.name(), self.folder.display());
            self.database.run(&format!("CREATE TABLESPACE {name} LOCATION '{path}'")).await;
            self.database.run(&format!("ALTER TABLE sigra_audit SET TABLESPACE {name}")).await;
        }
        let mut filler = std::fs::File::create(self.folder.join("filler")).expect("a file");
        while filler.write_all(&[0; 4096]).is_ok() {}
    }

    /// Takes what the server has on it away.
    async fn clear(database: Database) {
        let name = database.name();
        if database.kind() == Kind::Postgres {
            let _ = database.try_run("DROP TABLE IF EXISTS sigra_audit").await;
            let _ = database.try_run(&format!("DROP TABLESPACE IF EXISTS {name}")).await;
        } else {
            let tables = database.tables().await.join(", ");
            let _ = database.try_run(&format!("SET foreign_key_checks = 0; DROP TABLE {tables}")).await;
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(self.folder.join("filler"));
        let database = self.database.clone();
        // A runtime of its own: the test's may be shutting down.
        let cleared = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(Self::clear(database));
            Ok::<_, std::io::Error>(())
        });
        let _ = cleared.join();
        if done("umount", &[], &self.folder) && self.database.kind() == Kind::Postgres {
            let _ = std::fs::remove_dir(&self.folder);
        }
    }
}
