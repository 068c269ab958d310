import Commands

await Gemfill.main(program: "fim-train", prefix: ["train"])
