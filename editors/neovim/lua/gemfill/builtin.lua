-- Neovim 0.12 and later: its own client configuration and its own inline completion.
local M = {}

function M.setup(config)
  vim.lsp.config('gemfill', {
    cmd = config.command,
    root_markers = config.root_markers,
    filetypes = config.filetypes,
    init_options = { adapter = config.adapter, maxTokens = config.max_tokens },
  })
  vim.lsp.enable('gemfill')
  vim.api.nvim_create_autocmd('LspAttach', {
    group = vim.api.nvim_create_augroup('gemfill', { clear = true }),
    callback = function(event)
      local client = vim.lsp.get_client_by_id(event.data.client_id)
      if client and client.name == 'gemfill' then
        vim.lsp.inline_completion.enable(true, { bufnr = event.buf })
      end
    end,
  })
  if config.keys.accept then
    vim.keymap.set('i', config.keys.accept, function()
      if not vim.lsp.inline_completion.get() then
        return config.keys.accept
      end
    end, { expr = true, desc = 'gemfill: accept' })
  end
end

return M
