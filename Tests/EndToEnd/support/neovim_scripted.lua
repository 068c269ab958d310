-- The plugin against a scripted server: what is drawn, taken, and told.
local t = dofile(vim.env.E2E_SUPPORT .. '/neovim_driver.lua')
local work = vim.env.E2E_WORK

local function told()
  local found = {}
  for line in io.lines(work .. '/told.jsonl') do
    table.insert(found, vim.fn.json_decode(line))
  end
  return found
end

local function methods(from)
  local names = {}
  for index, entry in ipairs(told()) do
    if index >= from then
      table.insert(names, entry.method)
    end
  end
  return names
end

local function fresh(text)
  t.type('<Esc>')
  vim.api.nvim_buf_set_lines(0, 0, -1, false, vim.split(text, '\n', { plain = true }))
  vim.api.nvim_win_set_cursor(0, { vim.api.nvim_buf_line_count(0), 0 })
  t.type('A')
end

local function ghost(lines, what)
  t.wait(function()
    return vim.deep_equal(t.ghost(), lines)
  end, 3000)
  t.equal(t.ghost(), lines, what)
end

t.run(function()
  require('gemfill').setup({ command = { vim.env.PYTHON, vim.env.E2E_SUPPORT .. '/scripted_server.py',
    work .. '/script.json', work .. '/told.jsonl' } })
  t.check(t.wait(function() return require('gemfill.client').of(0) end), 'a server')

  -- A suggestion appears while typing, and shrinks while its own text is typed.
  fresh('x = ')
  t.type('al')
  ghost({ 'pha.beta(gamma)' }, 'ghost text')
  t.type('pha')
  ghost({ '.beta(gamma)' }, 'the rest')
  -- Tab takes all of it; the server is told by the command of the item.
  t.type('<Tab>')
  t.check(t.wait(function() return t.lines()[1] == 'x = alpha.beta(gamma)' end), 'the accepted line')
  t.equal(t.ghost(), nil, 'ghost text after accepting')
  t.equal(vim.api.nvim_win_get_cursor(0), { 1, 21 }, 'cursor')
  t.check(t.wait(function() return vim.tbl_contains(methods(1), 'workspace/executeCommand') end), 'the command')

  -- Without a suggestion Tab is a tab.
  vim.bo.expandtab = false
  fresh('')
  t.pause(100)
  t.type('<Tab>')
  t.check(t.wait(function() return t.lines()[1] == '\t' end), 'a real tab')

  -- Words, then the rest.
  fresh('x = al')
  ghost({ 'pha.beta(gamma)' }, 'ghost text again')
  local before = #told()
  t.type('<M-Right>')
  t.check(t.wait(function() return t.lines()[1] == 'x = alpha' end), 'the first word')
  t.type('<M-Right>')
  t.check(t.wait(function() return t.lines()[1] == 'x = alpha.' end), 'the dot')
  ghost({ 'beta(gamma)' }, 'what is left')
  local partial = vim.tbl_filter(function(entry) return entry.method == 'fim/didPartiallyAccept' end,
    vim.list_slice(told(), before + 1))
  t.check(#partial == 2 and partial[1].params.acceptedLength == 3, 'lengths of the parts')
  t.type('<Tab>')
  t.check(t.wait(function() return t.lines()[1] == 'x = alpha.beta(gamma)' end), 'the whole')

  -- Several lines, line by line, undone key by key.
  fresh('def f():\n    if ')
  ghost({ 'a:', '        return b', '    return c' }, 'three lines')
  t.type('<M-Down>')
  t.check(t.wait(function() return t.lines()[2] == '    if a:' end), 'the first line')
  ghost({ '', '        return b', '    return c' }, 'two lines left')
  t.type('<M-Down>')
  t.check(t.wait(function() return t.lines()[3] == '        return b' end), 'the second line')
  t.type('<Tab>')
  t.check(t.wait(function() return t.lines()[4] == '    return c' end), 'the last line')
  t.equal(#t.lines(), 4, 'lines')
  t.type('<Esc>u')
  t.check(t.wait(function() return #t.lines() == 3 end), 'one step undone')

  -- In front of a bracket the rest of the line stays readable.
  fresh('f()')
  t.type('<Left>ar')
  ghost({ 'gument' }, 'ghost text inside brackets')
  t.type('<Tab>')
  t.check(t.wait(function() return t.lines()[1] == 'f(argument)' end), 'the argument')

  -- Characters outside the basic plane count as two columns for the server.
  fresh("s = '😀é' + ")
  t.type('al')
  ghost({ 'pha.beta(gamma)' }, 'ghost text behind wide characters')

  -- Other text, the dismiss key, and leaving insert mode take it away.
  t.type('z')
  t.check(t.wait(function() return t.ghost() == nil end), 'no ghost text after other text')
  fresh('x = al')
  ghost({ 'pha.beta(gamma)' }, 'ghost text')
  before = #told()
  t.type('<C-]>')
  t.check(t.wait(function() return t.ghost() == nil end), 'no ghost text after dismissing')
  t.check(t.wait(function() return vim.tbl_contains(methods(before + 1), 'fim/didDismiss') end), 'a dismissal')
  fresh('y = al')
  ghost({ 'pha.beta(gamma)' }, 'ghost text')
  t.type('<Esc>')
  t.check(t.wait(function() return t.ghost() == nil end), 'no ghost text in normal mode')

  -- Disabled means silent.
  require('gemfill').enable(false)
  fresh('z = al')
  t.pause(200)
  t.equal(t.ghost(), nil, 'ghost text while disabled')
  require('gemfill').enable(true)
  t.equal(told()[1].params.reportsShown, true, 'what the server is told at start')
  vim.cmd('checkhealth gemfill')
  local report = table.concat(t.lines(), '\n')
  t.check(report:find('ghost text', 1, true) and not report:find('ERROR', 1, true), 'a sound health report')
end)
