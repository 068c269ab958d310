import Database

/// Tables of the registry.
enum RegistrySchema {
  static let current = Schema(name: "registry", applicationID: 0x4746_5201, migrations: [first])

  private static let first = """
    CREATE TABLE model(
      name TEXT PRIMARY KEY, path TEXT NOT NULL, sha256 TEXT NOT NULL, added_at INTEGER NOT NULL) STRICT;
    CREATE TABLE adapter(
      name TEXT PRIMARY KEY, directory TEXT NOT NULL UNIQUE, base_name TEXT NOT NULL, base_sha256 TEXT NOT NULL,
      state TEXT NOT NULL CHECK(state IN ('candidate', 'live', 'retired')), created_at INTEGER NOT NULL,
      metrics TEXT NOT NULL, parent TEXT) STRICT;
    CREATE UNIQUE INDEX one_live_adapter ON adapter(base_sha256) WHERE state = 'live';
    CREATE TABLE promotion(
      id INTEGER PRIMARY KEY, base_sha256 TEXT NOT NULL, adapter TEXT NOT NULL, previous TEXT,
      at_ms INTEGER NOT NULL) STRICT;
    CREATE TABLE file_hash(
      path TEXT PRIMARY KEY, size INTEGER NOT NULL, modified_ns INTEGER NOT NULL, sha256 TEXT NOT NULL) STRICT;
    """
}
