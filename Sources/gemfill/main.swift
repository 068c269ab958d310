import Commands

await Gemfill.main()
