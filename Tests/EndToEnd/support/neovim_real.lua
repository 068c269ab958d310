-- Neovim, the plugin and the real server: type, see ghost text, accept it, save.
local t = dofile(vim.env.E2E_SUPPORT .. '/neovim_driver.lua')

-- Beginnings of lines; the first that the model has an idea for is used.
local beginnings = {
  '    check(raw.', '    raw.send({"method": ', '    for one in ', '    return ', '    self.', '    if not ', 'import ', 'class ',
}

t.run(function()
  require('gemfill').setup({ command = { 'fim-lsp', '--stdio' } })
  t.check(t.wait(function() return require('gemfill.client').of(0) end, 20000), 'a server')
  vim.bo.autoindent = false
  local before = #t.lines()
  t.type('Go<CR>def again(raw: Raw) -> None:<CR>')
  local ghost, beginning
  for _, text in ipairs(beginnings) do
    beginning = text
    t.type('<Esc>cc')
    -- One key at a time, as a user would.
    for letter in text:gmatch('.') do
      t.type(letter == '<' and '<lt>' or letter)
    end
    ghost = t.wait(t.ghost, 2000)
    if not ghost then
      -- Not sure enough to show it unasked; ask.
      t.type('<M-Bslash>')
      ghost = t.wait(t.ghost, 2000)
    end
    if ghost then
      break
    end
  end
  t.check(ghost, 'ghost text for one of the beginnings')
  -- Visible long enough to count as shown.
  t.pause(400)
  ghost = t.ghost()
  t.check(ghost and ghost[1] ~= nil, 'ghost text that stays')
  t.type('<Tab>')
  local accepted = beginning .. table.concat(ghost, '\n')
  local function stands()
    local lines = table.concat(t.lines(), '\n')
    return lines:sub(-#accepted) == accepted
  end
  t.check(t.wait(stands), 'the ghost text in the buffer: ' .. accepted)
  t.check(#t.lines() > before, 'more lines')
  t.type('<Esc>')
  t.pause(50)
  vim.cmd('silent write')
  -- The command that tells of the acceptance has been answered when a later request is.
  local client = require('gemfill.client')
  local status
  client.request(client.of(0), 'workspace/executeCommand', { command = 'gemfill.status' }, function(_, result)
    status = result
  end, vim.api.nvim_get_current_buf())
  t.check(t.wait(function() return status end), 'a status')
  t.equal(status.accepted, 1, 'acceptances that the server knows of')
  local out = assert(io.open(vim.env.E2E_WORK .. '/accepted.txt', 'w'))
  out:write(accepted)
  out:close()
end)
