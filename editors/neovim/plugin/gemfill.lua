-- Loaded by Neovim at start. Nothing runs until require('gemfill').setup() is called.
if vim.g.loaded_gemfill then
  return
end
vim.g.loaded_gemfill = true

vim.api.nvim_create_user_command('Gemfill', function(arguments)
  require('gemfill').command(arguments.args)
end, {
  nargs = '?',
  desc = 'Gemfill: status, enable, disable, toggle, restart',
  complete = function(start)
    return vim.tbl_filter(function(name)
      return vim.startswith(name, start)
    end, { 'disable', 'enable', 'restart', 'status', 'toggle' })
  end,
})
