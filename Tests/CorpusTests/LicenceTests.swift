import Testing

@testable import Corpus

struct LicenceTests {
  private let hygiene = FileHygiene(catalog: Fixtures.catalog)
  private static let body = "def area(width, height):\n    return width * height\n"

  private func notice(_ path: String, _ text: String) throws -> (text: String, spdx: String?)? {
    let file = try hygiene.clean(path: path, bytes: Array(text.utf8)).get()
    return file.licence.map { (String(decoding: file.bytes[$0.range], as: UTF8.self), $0.spdx) }
  }

  @Test func theNoticeStandsBehindInterpreterAndCodingLines() throws {
    let comment = "# Copyright 2020 Somebody\n#\n# Licensed under the Apache License, Version 2.0"
    let text = "#!/usr/bin/env python\n# -*- coding: utf-8 -*-\n\(comment)\n\n# Reads files.\n" + Self.body
    let found = try #require(try notice("a.py", text))
    #expect(found.text == comment)
    #expect(found.spdx == "Apache-2.0")
    let file = try hygiene.clean(path: "a.py", bytes: Array(text.utf8)).get()
    #expect(String(decoding: file.bytes[file.bodyStart...], as: UTF8.self) == "# Reads files.\n" + Self.body)
  }

  @Test(arguments: [
    (
      "a.c", "/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */\n",
      "GPL-2.0-only WITH Linux-syscall-note"
    ),
    ("a.rs", "// SPDX-License-Identifier: MIT OR Apache-2.0\n", "MIT OR Apache-2.0"),
    ("a.py", "# SPDX-License-Identifier: BSD-3-Clause\n", "BSD-3-Clause"),
    ("a.kt", "/*\n * SPDX-License-Identifier: (MIT AND ISC)\n */\n", "MIT AND ISC"),
    ("a.py", "\"\"\"Copyright 2011. Distributed under the MIT license.\"\"\"\n", "MIT"),
    (
      "a.go",
      "// Copyright 2009 The Go Authors. All rights reserved.\n// Use of this source code is governed by a BSD-style\n// license that can be found in the LICENSE file.\n",
      "BSD-3-Clause"
    ),
  ])
  func identifiersAreStatedOrToldByWords(path: String, header: String, spdx: String) throws {
    let code =
      path.hasSuffix("py") ? Self.body : "int area(int width, int height) { return width * height; }\n"
    let found = try #require(try notice(path, header + code))
    #expect(found.spdx == spdx)
    #expect(found.text + "\n" == header)
  }

  @Test(arguments: [
    ("MIT gl" + "pat-a1B2c3D4e5F6g7H8i9J0", "MIT"), ("gl" + "pat-a1B2c3D4e5F6g7H8i9J0", nil),
    ("MIT OR hunter2", "MIT"), ("hunter2", nil), ("mit or apache-2.0", "MIT OR Apache-2.0"),
    ("MIT Apache-2.0", "MIT"), ("LicenseRef-Acme AND GPL-2.0+", "LicenseRef-Acme AND GPL-2.0+"),
    ("john.smith@corp.com", nil), ("MIT AND", "MIT"),
  ])
  func onlyNamesOfLicencesAreRepeated(stated: String, spdx: String?) throws {
    let header = "# SPDX-License-Identifier: \(stated)\n"
    let found = try #require(try notice("a.py", header + Self.body))
    #expect(found.spdx == spdx)
    #expect(found.text.utf8.count + 1 == header.utf8.count)
  }

  @Test func commentsThatSpeakOfSomethingElseAreCode() throws {
    #expect(try notice("a.py", "# Measures areas.\n" + Self.body) == nil)
    // The notice must come before code.
    #expect(try notice("a.py", Self.body + "# Copyright 2020 Somebody\n") == nil)
  }

  static let texts: [(String, String)] = [
    (
      "MIT License\n\nPermission is hereby granted, free of charge, to any person obtaining a copy of this software",
      "MIT"
    ),
    (
      "Redistribution and use in source and binary forms, with or without\n * modification, are permitted",
      "BSD-2-Clause"
    ),
    (
      "Redistribution and use in source and binary forms, with … Neither the name of the holder nor",
      "BSD-3-Clause"
    ),
    ("Apache License\n   Version 2.0, January 2004", "Apache-2.0"),
    (
      "Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby granted, provided that the above copyright notice",
      "ISC"
    ),
    ("Mozilla Public License Version 2.0", "MPL-2.0"),
    (
      "GNU GENERAL PUBLIC LICENSE\n Version 3, 29 June 2007\n TERMS AND CONDITIONS\n 0. Definitions. … any later version",
      "GPL-3.0-only"
    ),
    (
      "it under the terms of the GNU General Public License as published by the FSF; either version 2 of the License, or (at your option) any later version",
      "GPL-2.0-or-later"
    ),
    ("GNU LESSER GENERAL PUBLIC LICENSE Version 2.1, February 1999", "LGPL-2.1-only"),
    ("GNU AFFERO GENERAL PUBLIC LICENSE\n Version 3, 19 November 2007", "AGPL-3.0-only"),
    ("This is free and unencumbered software released into the public domain.", "Unlicense"),
    ("PYTHON SOFTWARE FOUNDATION LICENSE VERSION 2", "PSF-2.0"),
    ("2. Altered source versions must be plainly marked as such", "Zlib"),
    ("Boost Software License - Version 1.0", "BSL-1.0"),
    (
      "Licensed under the Apache License, Version 2.0 or the MIT license, at your option.",
      "MIT OR Apache-2.0"
    ),
  ]

  @Test(arguments: texts)
  func licenceTextsAreTold(text: String, spdx: String) {
    #expect(LicenceText.identify(Array(text.utf8)) == spdx)
  }

  @Test func unknownTextsAreNotGuessed() {
    #expect(LicenceText.identify(Array("Copyright 2020 Somebody. All rights reserved.".utf8)) == nil)
  }

  @Test(arguments: [
    ("AGPL-3.0-only", false), ("MIT OR AGPL-3.0-only", true), ("MIT AND AGPL-3.0-or-later", false),
    ("GPL-3.0-or-later", false),
    ("GPL-2.0-only", true), ("MIT", true), ("MIT-0", true),
  ])
  func deniedLicencesCoverFamiliesAndAlternativesPass(expression: String, isAllowed: Bool) throws {
    let denied: Set = ["AGPL-", "GPL-3.0"]
    #expect(LicenceExpression.isAllowed(expression, denied: denied) == isAllowed)
    let options = HygieneOptions(deniedLicences: denied)
    let text = "# SPDX-License-Identifier: \(expression)\n" + Self.body
    let result = FileHygiene(catalog: Fixtures.catalog, options: options).clean(
      path: "a.py", bytes: Array(text.utf8))
    switch result {
    case .success: #expect(isAllowed)
    case .failure(let skipped): #expect(skipped == SkippedFile(.licence, expression) && !isAllowed)
    }
  }

  @Test(arguments: ["AGPL-3.0-only", "agpl-3.0-only", "AGPL-", "LicenseRef-Mine"])
  func namesAndFamiliesCanBeDenied(name: String) {
    #expect(HygieneOptions.canDeny(name))
  }

  @Test(arguments: ["AGPL", "AGPL-*", "NOSUCH-9", "NOSUCH-", "", "-"])
  func whatDeniesNothingIsNoLicence(name: String) {
    #expect(!HygieneOptions.canDeny(name))
  }
}
