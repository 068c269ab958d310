-- On Neovim 0.12 the plugin leaves the work to vim.lsp.inline_completion. No such Neovim is at hand here, so stand-ins
-- for the three functions note how they are called.
local t = dofile(vim.env.E2E_SUPPORT .. '/neovim_driver.lua')

t.run(function()
  local calls = {}
  local taken = false
  vim.lsp.config = function(name, config) table.insert(calls, { 'config', name, config.cmd }) end
  vim.lsp.enable = function(name) table.insert(calls, { 'enable', name }) end
  vim.lsp.inline_completion = {
    enable = function(on, filter) table.insert(calls, { 'inline', on, filter }) end,
    get = function() return taken end,
  }
  require('gemfill').setup({ command = { 'fim-lsp', '--stdio' } })
  t.equal(calls, { { 'config', 'gemfill', { 'fim-lsp', '--stdio' } }, { 'enable', 'gemfill' } }, 'calls of the set-up')
  vim.bo.expandtab = false
  t.type('o<Tab>')
  t.check(t.wait(function() return t.lines()[2] == '\t' end), 'a real tab without a suggestion')
  taken = true
  t.type('<Tab>')
  t.pause(50)
  t.equal(t.lines()[2], '\t', 'the line after a tab that accepted')
  require('gemfill').enable(false)
  t.equal(calls[3], { 'inline', false }, 'switching off')
end)
