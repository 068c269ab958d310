-- Asks for suggestions while the user types, shows them, takes them, and tells the server what became of them.
local client = require('gemfill.client')
local ghost = require('gemfill.ghost')

local M = {}
local config
local timer = vim.loop.new_timer()
-- Number of the last question; answers to older ones are thrown away.
local question = 0
-- Request under way: { client, id }.
local under_way
-- What is shown: { buffer, row, column, text, line, taken, item, client }. `row` and `column` are the cursor's, from 0;
-- `line` is the text of the cursor's line; `taken` counts bytes of the item's text that are in the buffer.
local shown

function M.setup(options)
  config = options
end

function M.visible()
  return shown ~= nil
end

-- The text that is shown, for tests and status lines; nil without a suggestion.
function M.text()
  return shown and shown.text
end

local function cursor()
  local place = vim.api.nvim_win_get_cursor(0)
  return place[1] - 1, place[2]
end

local function line_at(buffer, row)
  return vim.api.nvim_buf_get_lines(buffer, row, row + 1, false)[1] or ''
end

local function utf16_length(text)
  local ok, _, length = pcall(vim.str_utfindex, text)
  if ok and length then
    return length
  end
  return vim.str_utfindex(text, 'utf-16')
end

local function identifier(item)
  return item.command and item.command.arguments and item.command.arguments[1]
end

local function stop_asking()
  timer:stop()
  question = question + 1
  if under_way then
    client.cancel(under_way.client, under_way.id)
    under_way = nil
  end
end

-- Takes the suggestion off the screen. `cause` is told to the server.
function M.clear(cause)
  stop_asking()
  if not shown then
    return
  end
  local gone = shown
  shown = nil
  ghost.clear(gone.buffer)
  if cause and identifier(gone.item) then
    client.notify(gone.client, 'fim/didDismiss', { id = identifier(gone.item), cause = cause })
  end
end

-- When the user typed the next characters of the suggestion, or deleted some of them: shows the new rest.
local function follow(buffer)
  local row, column = cursor()
  if shown.buffer ~= buffer or shown.row ~= row then
    return false
  end
  local all = shown.item.insertText
  local start = shown.column - shown.taken
  local line = line_at(buffer, row)
  local taken = column - start
  if taken < 0 or taken >= #all or all:sub(1, taken):find('\n') then
    return false
  end
  local before = shown.line:sub(1, start)
  local behind = shown.line:sub(shown.column + 1)
  if line ~= before .. all:sub(1, taken) .. behind then
    return false
  end
  shown.column, shown.taken, shown.line = column, taken, line
  shown.text = all:sub(taken + 1)
  ghost.show(buffer, row, column, shown.text)
  return true
end

local function show(found, buffer, item, row, column)
  shown = {
    buffer = buffer, row = row, column = column, text = item.insertText, line = line_at(buffer, row),
    taken = 0, item = item, client = found,
  }
  ghost.show(buffer, row, column, item.insertText)
  if identifier(item) then
    client.notify(found, 'fim/didShow', { id = identifier(item) })
  end
end

local function usable(item, position)
  if type(item) ~= 'table' or type(item.insertText) ~= 'string' or item.insertText == '' then
    return false
  end
  local range = item.range
  return range == nil
    or (range.start.line == position.line and range.start.character == position.character
      and vim.deep_equal(range.start, range['end']))
end

-- Asks the server. `invoked` is true when the user wants a suggestion now.
function M.ask(buffer, invoked)
  local found = client.of(buffer)
  if not found or not require('gemfill').enabled then
    return
  end
  stop_asking()
  local mine = question
  local row, column = cursor()
  local tick = vim.api.nvim_buf_get_changedtick(buffer)
  local params = vim.lsp.util.make_position_params(0, found.offset_encoding or 'utf-16')
  params.context = { triggerKind = invoked and 1 or 2 }
  local sent, id = client.request(found, 'textDocument/inlineCompletion', params, function(problem, result)
    if mine ~= question then
      return
    end
    under_way = nil
    local now_row, now_column = cursor()
    local same = vim.api.nvim_get_current_buf() == buffer and row == now_row and column == now_column
      and vim.api.nvim_buf_get_changedtick(buffer) == tick
    if problem or not same or vim.api.nvim_get_mode().mode:sub(1, 1) ~= 'i' then
      return
    end
    local item = type(result) == 'table' and type(result.items) == 'table' and result.items[1]
    if item and usable(item, params.position) then
      show(found, buffer, item, row, column)
    elseif shown then
      M.clear(nil)
    end
  end, buffer)
  if sent then
    under_way = { client = found, id = id }
  end
end

-- The text or the cursor changed in insert mode.
function M.moved(buffer)
  if vim.fn.pumvisible() == 1 then
    return M.clear('popup')
  end
  local row, column = cursor()
  if shown and shown.buffer == buffer and shown.row == row and shown.column == column
    and shown.line == line_at(buffer, row) then
    return
  end
  if shown and not follow(buffer) then
    M.clear('moved')
  end
  if not config.automatic or not require('gemfill').enabled then
    return
  end
  timer:stop()
  timer:start(config.debounce_ms, 0, vim.schedule_wrap(function()
    if vim.api.nvim_get_current_buf() == buffer and vim.api.nvim_get_mode().mode:sub(1, 1) == 'i' then
      M.ask(buffer, false)
    end
  end))
end

-- How much of a text one keypress takes.
local function part(text, what)
  if what == 'all' then
    return text
  end
  if what == 'line' then
    local break_at = text:find('\n', 2, true)
    return break_at and text:sub(1, break_at - 1) or text
  end
  local space = text:match('^%s*')
  local rest = text:sub(#space + 1)
  local word = rest:match('^[%w_\128-\255]+') or rest:match('^[^%w_%s\128-\255]+') or ''
  return space .. word
end

-- Puts the suggestion, or its next word or line, into the buffer. Returns false without a suggestion.
function M.accept(what)
  if not shown then
    return false
  end
  local taking = shown
  local text = part(taking.text, what)
  local whole = #text == #taking.text
  stop_asking()
  if not whole and identifier(taking.item) then
    local length = utf16_length(taking.item.insertText:sub(1, taking.taken + #text))
    client.notify(taking.client, 'fim/didPartiallyAccept', { id = identifier(taking.item), acceptedLength = length })
  end
  if whole then
    shown = nil
  end
  ghost.clear(taking.buffer)
  -- One undo takes back what one key took.
  vim.cmd('let &undolevels = &undolevels')
  local lines = vim.split(text, '\n', { plain = true })
  vim.api.nvim_buf_set_text(taking.buffer, taking.row, taking.column, taking.row, taking.column, lines)
  local row = taking.row + #lines - 1
  local column = #lines == 1 and taking.column + #text or #lines[#lines]
  vim.api.nvim_win_set_cursor(0, { row + 1, column })
  if whole then
    if taking.item.command then
      client.request(taking.client, 'workspace/executeCommand', {
        command = taking.item.command.command,
        arguments = taking.item.command.arguments,
      }, function() end, taking.buffer)
    end
  elseif #lines == 1 then
    follow(taking.buffer)
  else
    shown.row, shown.column, shown.line = row, column, line_at(taking.buffer, row)
    shown.text = taking.text:sub(#text + 1)
    shown.item = vim.tbl_extend('force', taking.item, {
      insertText = taking.item.insertText,
    })
    shown.taken = taking.taken + #text
    ghost.show(taking.buffer, row, column, shown.text)
  end
  return true
end

return M
