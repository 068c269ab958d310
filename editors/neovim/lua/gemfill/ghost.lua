-- Draws a suggestion as virtual text behind the cursor.
local M = {}

M.namespace = vim.api.nvim_create_namespace('gemfill')
local inline = vim.fn.has('nvim-0.10') == 1

local function without_tabs(text, buffer)
  return (text:gsub('\t', string.rep(' ', vim.bo[buffer].tabstop)))
end

-- Shows `text` at a place (both from 0, columns in bytes). What stands right of the cursor stays readable: it is
-- drawn behind the last line of the suggestion.
function M.show(buffer, row, column, text)
  M.clear(buffer)
  local lines = vim.split(without_tabs(text, buffer), '\n', { plain = true })
  local line = vim.api.nvim_buf_get_lines(buffer, row, row + 1, false)[1] or ''
  local rest = without_tabs(line:sub(column + 1), buffer)
  local chunks = { { lines[1], 'GemfillSuggestion' } }
  local options = { virt_text = chunks, hl_mode = 'combine', priority = 200 }
  if inline and #lines == 1 then
    options.virt_text_pos = 'inline'
  else
    options.virt_text_pos = 'overlay'
    if rest ~= '' then
      -- An overlay hides what is under it, so the rest of the line moves with the suggestion.
      local moved = #lines == 1 and rest or string.rep(' ', vim.fn.strdisplaywidth(rest))
      table.insert(chunks, { moved, 'Normal' })
    end
  end
  if #lines > 1 then
    options.virt_lines = {}
    for index = 2, #lines do
      local drawn = { { lines[index] == '' and ' ' or lines[index], 'GemfillSuggestion' } }
      if index == #lines and rest ~= '' then
        table.insert(drawn, { rest, 'Normal' })
      end
      table.insert(options.virt_lines, drawn)
    end
  end
  vim.api.nvim_buf_set_extmark(buffer, M.namespace, row, column, options)
end

function M.clear(buffer)
  if vim.api.nvim_buf_is_valid(buffer) then
    vim.api.nvim_buf_clear_namespace(buffer, M.namespace, 0, -1)
  end
end

return M
