import Corpus

extension SurveyedCorpus {
  /// Writes the test examples.
  func writeTest(to outputs: [CarvingOutput]) throws -> TestReport {
    TestReport()
  }
}
