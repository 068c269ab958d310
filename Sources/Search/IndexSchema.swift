import Database

/// Tables of a search index. It holds terms and places, and can be deleted at any time.
enum IndexSchema {
  static let current = Schema(name: "search index", applicationID: 0x4746_5301, migrations: [first])

  private static let first = """
    CREATE TABLE file(
      id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, size INTEGER NOT NULL, modified_ns INTEGER NOT NULL,
      sha256 TEXT NOT NULL, indexed_ns INTEGER NOT NULL) STRICT;
    CREATE TABLE chunk(
      id INTEGER PRIMARY KEY, file_id INTEGER NOT NULL REFERENCES file(id) ON DELETE CASCADE, kind TEXT NOT NULL,
      symbol TEXT NOT NULL, start_byte INTEGER NOT NULL, end_byte INTEGER NOT NULL, start_line INTEGER NOT NULL,
      end_line INTEGER NOT NULL) STRICT;
    CREATE INDEX chunk_file ON chunk(file_id);
    CREATE VIRTUAL TABLE terms USING fts5(name, path, code, tokenize = 'porter unicode61');
    """
}
