-- :checkhealth gemfill
local M = {}

function M.check()
  local health = vim.health or require('health')
  local start = health.start or health.report_start
  local ok = health.ok or health.report_ok
  local warn = health.warn or health.report_warn
  local bad = health.error or health.report_error

  start('gemfill')
  local config = require('gemfill').config
  if not config then
    return warn("setup() has not run; add require('gemfill').setup() to your configuration")
  end
  local program = config.command[1]
  if vim.fn.executable(program) == 1 then
    ok(program .. ' found: ' .. vim.fn.exepath(program))
  else
    return bad(program .. ' not found; set `command` in setup() or extend $PATH')
  end
  if vim.lsp.inline_completion and config.builtin then
    ok('using vim.lsp.inline_completion')
  else
    ok("using the plugin's own ghost text")
  end
  local client = require('gemfill.client').of(vim.api.nvim_get_current_buf())
  if client then
    ok('a server is attached to this buffer')
  else
    warn('no server is attached to this buffer (scratch buffers and excluded filetypes have none)')
  end
end

return M
