-- Code completion by the Gemfill language server, as ghost text. See :help gemfill.
local M = {}

---@class gemfill.Config
M.defaults = {
  -- Program to start, with its arguments.
  command = { 'fim-lsp', '--stdio' },
  -- Name of an adapter; nil lets the server choose.
  adapter = nil,
  -- Most tokens of a suggestion; nil lets the server choose.
  max_tokens = nil,
  -- Milliseconds without a key before the server is asked.
  debounce_ms = 20,
  -- Files and folders that mark the root of a project.
  root_markers = { '.git', '.hg', 'Package.swift', 'pyproject.toml', 'package.json', 'go.mod', 'Cargo.toml' },
  -- Filetypes to attach to; nil means every file but those below.
  filetypes = nil,
  exclude_filetypes = { 'gitcommit', 'gitrebase', 'help', 'qf', 'netrw', 'TelescopePrompt' },
  -- Keys of insert mode; false leaves a key alone.
  keys = {
    accept = '<Tab>',
    accept_word = '<M-Right>',
    accept_line = '<M-Down>',
    dismiss = '<C-]>',
    trigger = '<M-Bslash>',
  },
  -- Show suggestions while typing; false waits for the trigger key.
  automatic = true,
  -- Use vim.lsp.inline_completion where Neovim has it (0.12); false always uses this plugin's own ghost text.
  builtin = true,
}

M.config = nil
M.enabled = true

local function has_builtin()
  return M.config.builtin and vim.lsp.inline_completion ~= nil and vim.lsp.config ~= nil
end

-- Sets the plugin up. Call it once, from the configuration.
function M.setup(options)
  M.config = vim.tbl_deep_extend('force', M.defaults, options or {})
  vim.api.nvim_set_hl(0, 'GemfillSuggestion', { default = true, link = 'Comment' })
  if has_builtin() then
    return require('gemfill.builtin').setup(M.config)
  end
  local suggest = require('gemfill.suggest')
  suggest.setup(M.config)
  local group = vim.api.nvim_create_augroup('gemfill', { clear = true })
  local function on(events, callback)
    vim.api.nvim_create_autocmd(events, { group = group, callback = callback })
  end
  on({ 'FileType', 'BufEnter' }, function(event)
    require('gemfill.client').attach(event.buf, M.config)
  end)
  on({ 'TextChangedI', 'CursorMovedI' }, function(event)
    suggest.moved(event.buf)
  end)
  on('InsertEnter', function(event)
    suggest.moved(event.buf)
  end)
  on('TextChangedP', function()
    suggest.clear('popup')
  end)
  on({ 'InsertLeave', 'BufLeave' }, function()
    suggest.clear('left')
  end)
  M.map_keys(suggest)
  if vim.v.vim_did_enter == 1 then
    require('gemfill.client').attach(vim.api.nvim_get_current_buf(), M.config)
  end
end

-- Maps the configured keys. A key without a suggestion to act on does what it always did.
function M.map_keys(suggest)
  local function map(name, action)
    local key = M.config.keys[name]
    if not key then
      return
    end
    vim.keymap.set('i', key, function()
      if not suggest.visible() then
        return key
      end
      vim.schedule(action)
      return ''
    end, { expr = true, desc = 'gemfill: ' .. name:gsub('_', ' ') })
  end
  map('accept', function() suggest.accept('all') end)
  map('accept_word', function() suggest.accept('word') end)
  map('accept_line', function() suggest.accept('line') end)
  map('dismiss', function() suggest.clear('escape') end)
  if M.config.keys.trigger then
    vim.keymap.set('i', M.config.keys.trigger, function()
      suggest.ask(vim.api.nvim_get_current_buf(), true)
    end, { desc = 'gemfill: ask for a suggestion' })
  end
end

-- For the status line: what the plugin is doing, in one word or two.
function M.statusline()
  if not M.enabled then
    return 'gemfill off'
  end
  local client = require('gemfill.client').of(vim.api.nvim_get_current_buf())
  return client and 'gemfill' or ''
end

-- Switches suggestions on or off.
function M.enable(enabled)
  M.enabled = enabled
  if vim.lsp.inline_completion and M.config and has_builtin() then
    return vim.lsp.inline_completion.enable(enabled)
  end
  if not enabled then
    require('gemfill.suggest').clear('disabled')
  end
end

local function show_status()
  local client = require('gemfill.client')
  local found = client.of(vim.api.nvim_get_current_buf())
  if not found then
    vim.notify('gemfill: no server for this buffer; see :checkhealth gemfill')
    return
  end
  client.request(found, 'workspace/executeCommand', { command = 'gemfill.status' }, function(_, result)
    if type(result) == 'table' then
      vim.notify('gemfill ' .. vim.inspect(result))
    end
  end, vim.api.nvim_get_current_buf())
end

-- Runs what was given to :Gemfill.
function M.command(name)
  if not M.config then
    return vim.notify("gemfill: require('gemfill').setup() has not run", vim.log.levels.WARN)
  end
  if name == '' or name == 'status' then
    show_status()
  elseif name == 'enable' then
    M.enable(true)
  elseif name == 'disable' then
    M.enable(false)
  elseif name == 'toggle' then
    M.enable(not M.enabled)
  elseif name == 'restart' then
    require('gemfill.client').restart(M.config)
  else
    vim.notify('gemfill: unknown command ' .. name, vim.log.levels.WARN)
  end
end

return M
