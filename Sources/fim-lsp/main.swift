import Commands

await Gemfill.main(program: "fim-lsp", prefix: ["lsp"])
