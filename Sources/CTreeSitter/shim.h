#pragma once
#include <stdbool.h>
#include <tree_sitter/api.h>

// What a table of nodes keeps of the node that a cursor stands on.
typedef struct ts_shim_node {
  uint32_t start, end, row;
  TSSymbol symbol;
  TSFieldId field;
  bool extra, error, missing;
} ts_shim_node;

// Asks all at once. From Swift, where a TSNode is taken apart and put together again for each question, that takes
// twice as long. `error` and `missing` are false without `may_have_error`; only what has an error is missing.
static inline void ts_shim_current_node(TSTreeCursor *cursor, bool may_have_error, ts_shim_node *out) {
  TSNode node = ts_tree_cursor_current_node(cursor);
  out->start = ts_node_start_byte(node);
  out->end = ts_node_end_byte(node);
  out->row = ts_node_start_point(node).row;
  out->symbol = ts_node_symbol(node);
  out->field = ts_tree_cursor_current_field_id(cursor);
  out->extra = ts_node_is_extra(node);
  out->error = may_have_error && ts_node_has_error(node);
  out->missing = out->error && ts_node_is_missing(node);
}
