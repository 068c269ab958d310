-- Runs a test inside a headless Neovim: steps that type and wait, while Neovim's own main loop handles the keys.
local M = {}

local function now()
  return vim.loop.hrtime() / 1e6
end

local function finish(problem)
  if problem then
    io.stderr:write('FAILED: ' .. problem .. '\n')
    vim.cmd('cquit! 1')
  end
  vim.cmd('qall!')
end

-- Runs `body` as a coroutine; it may call the functions below. Ends Neovim with 0 or 1.
function M.run(body)
  local routine = coroutine.create(body)
  local function go(...)
    local ok, problem = coroutine.resume(routine, ...)
    if not ok then
      finish(debug.traceback(routine, tostring(problem)))
    elseif coroutine.status(routine) == 'dead' then
      finish(nil)
    end
  end
  M.go = go
  vim.schedule(go)
end

-- Lets Neovim work for a while.
function M.pause(milliseconds)
  vim.defer_fn(M.go, milliseconds)
  coroutine.yield()
end

-- Types keys as a user would.
function M.type(keys)
  vim.api.nvim_input(keys)
  M.pause(5)
end

-- Waits until `condition` gives something true and returns it; nil after `timeout` milliseconds.
function M.wait(condition, timeout)
  local deadline = now() + (timeout or 5000)
  while now() < deadline do
    local value = condition()
    if value then
      return value
    end
    M.pause(5)
  end
  return nil
end

function M.check(condition, what)
  if not condition then
    error('expected ' .. what, 2)
  end
end

function M.equal(found, wanted, what)
  if not vim.deep_equal(found, wanted) then
    error(what .. ': expected ' .. vim.inspect(wanted) .. ', found ' .. vim.inspect(found), 2)
  end
end

-- The ghost text on the screen as lines, read from the extmarks; nil when there is none.
function M.ghost()
  local namespace = vim.api.nvim_get_namespaces().gemfill
  if not namespace then
    return nil
  end
  local marks = vim.api.nvim_buf_get_extmarks(0, namespace, 0, -1, { details = true })
  if #marks == 0 then
    return nil
  end
  local details = marks[1][4]
  local function text(chunks)
    return table.concat(vim.tbl_map(function(chunk)
      return chunk[2] == 'GemfillSuggestion' and chunk[1] or ''
    end, chunks))
  end
  local lines = { text(details.virt_text or {}) }
  for _, chunks in ipairs(details.virt_lines or {}) do
    table.insert(lines, text(chunks))
  end
  return lines
end

function M.lines()
  return vim.api.nvim_buf_get_lines(0, 0, -1, false)
end

return M
