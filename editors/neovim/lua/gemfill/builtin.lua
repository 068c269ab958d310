-- Neovim 0.12 and later: its own client configuration and its own inline completion.
local M = {}

function M.setup(config)
  vim.lsp.config('gemfill', {
    cmd = config.command,
    root_markers = config.root_markers,
    filetypes = config.filetypes,
    init_options = { adapter = config.adapter, maxTokens = config.max_tokens },
    on_attach = function(_, buffer)
      vim.lsp.inline_completion.enable(config.automatic, { bufnr = buffer })
    end,
  })
  vim.lsp.enable('gemfill')
  if config.keys.accept then
    vim.keymap.set('i', config.keys.accept, function()
      if not vim.lsp.inline_completion.get() then
        return config.keys.accept
      end
    end, { expr = true, desc = 'gemfill: accept' })
  end
end

return M
