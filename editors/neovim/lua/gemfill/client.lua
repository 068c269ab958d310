-- Starts one server per project and attaches buffers to it, on every Neovim from 0.7 on.
local M = {}

-- Identifiers of clients by root folder.
local clients = {}
local told = false

-- Calls a method of a client; the way to call them changed in Neovim 0.11.
local function call(client, name, ...)
  if vim.fn.has('nvim-0.11') == 1 then
    return client[name](client, ...)
  end
  return client[name](...)
end

function M.request(client, method, params, handler, buffer)
  return call(client, 'request', method, params, handler, buffer)
end

function M.notify(client, method, params)
  return call(client, 'notify', method, params)
end

function M.cancel(client, request)
  return call(client, 'cancel_request', request)
end

-- The folder above `path` that holds one of the markers, else the file's own folder.
local function root_of(path, markers)
  local folder = vim.fn.fnamemodify(path, ':h')
  local at = folder
  while true do
    for _, marker in ipairs(markers) do
      if vim.loop.fs_stat(at .. '/' .. marker) then
        return at
      end
    end
    local up = vim.fn.fnamemodify(at, ':h')
    if up == at then
      return folder
    end
    at = up
  end
end

local function wants(buffer, config)
  if vim.bo[buffer].buftype ~= '' or vim.api.nvim_buf_get_name(buffer) == '' then
    return false
  end
  local filetype = vim.bo[buffer].filetype
  if config.filetypes then
    return vim.tbl_contains(config.filetypes, filetype)
  end
  return not vim.tbl_contains(config.exclude_filetypes, filetype)
end

local function start(root, config)
  if vim.fn.executable(config.command[1]) == 0 then
    if not told then
      told = true
      vim.notify(
        'gemfill: ' .. config.command[1] .. ' is not an executable; set `command` in setup() or extend $PATH',
        vim.log.levels.WARN
      )
    end
    return nil
  end
  local capabilities = vim.lsp.protocol.make_client_capabilities()
  capabilities.textDocument.inlineCompletion = { dynamicRegistration = false }
  return vim.lsp.start_client({
    name = 'gemfill',
    cmd = config.command,
    root_dir = root,
    capabilities = capabilities,
    init_options = {
      reportsShown = true,
      adapter = config.adapter,
      maxTokens = config.max_tokens,
    },
    flags = { debounce_text_changes = 20 },
    on_exit = function()
      clients[root] = nil
    end,
  })
end

-- Attaches a buffer, starting a server for its project when there is none.
function M.attach(buffer, config)
  if not vim.api.nvim_buf_is_loaded(buffer) or not wants(buffer, config) then
    return
  end
  local root = root_of(vim.api.nvim_buf_get_name(buffer), config.root_markers)
  if clients[root] == nil then
    clients[root] = start(root, config)
  end
  if clients[root] and not vim.lsp.buf_is_attached(buffer, clients[root]) then
    vim.lsp.buf_attach_client(buffer, clients[root])
  end
end

-- The client of a buffer once its server has answered the first message, or nil.
function M.of(buffer)
  for _, identifier in pairs(clients) do
    local client = vim.lsp.get_client_by_id(identifier)
    if client and client.initialized and vim.lsp.buf_is_attached(buffer, identifier) then
      return client
    end
  end
  return nil
end

-- Stops all servers and starts new ones for the buffers that are loaded.
function M.restart(config)
  local old = vim.tbl_values(clients)
  clients = {}
  vim.lsp.stop_client(old)
  vim.defer_fn(function()
    for _, buffer in ipairs(vim.api.nvim_list_bufs()) do
      M.attach(buffer, config)
    end
  end, 200)
end

return M
