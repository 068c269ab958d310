import Weights

/// Identifies a request: JSON-RPC allows integers and strings.
enum RequestIdentifier: Hashable, Sendable {
  case int(Int)
  case string(String)

  init?(_ value: JSONValue?) {
    switch value {
    case .int(let number): self = .int(number)
    case .string(let text): self = .string(text)
    case .null, .bool, .double, .array, .object, nil: return nil
    }
  }

  var json: JSONValue {
    switch self {
    case .int(let number): .int(number)
    case .string(let text): .string(text)
    }
  }
}

/// An error that goes back to the client.
struct ResponseError: Error, Equatable {
  let code: Int
  let message: String

  static let parseError = -32_700
  static let invalidRequest = -32_600
  static let methodNotFound = -32_601
  static let invalidParams = -32_602
  static let internalError = -32_603
  static let serverNotInitialized = -32_002
  static let requestCancelled = -32_800

  static func invalidParams(_ message: String) -> ResponseError {
    ResponseError(code: invalidParams, message: message)
  }
}

/// One JSON-RPC message from the client.
enum Message {
  case request(RequestIdentifier, method: String, params: JSONValue)
  case notification(method: String, params: JSONValue)
  /// An answer to a request of ours; the server sends none whose answer matters.
  case response
  /// Not a message; the client is told so under the identifier, or under `null`.
  case invalid(RequestIdentifier?, ResponseError)

  init(parsing bytes: [UInt8]) {
    let value: JSONValue
    do {
      value = try JSONValue(parsing: bytes, maximumDepth: 64)
    } catch {
      self = .invalid(nil, ResponseError(code: ResponseError.parseError, message: "\(error)"))
      return
    }
    guard let object = value.objectValue else {
      let found =
        value.arrayValue == nil ? "message is not an object" : "batches are not part of this protocol"
      self = .invalid(nil, ResponseError(code: ResponseError.invalidRequest, message: found))
      return
    }
    let identifier = RequestIdentifier(object["id"])
    let params = object["params"] ?? .null
    guard let method = object["method"]?.stringValue else {
      if object["method"] == nil, object["result"] != nil || object["error"] != nil {
        self = .response
      } else {
        self = .invalid(
          identifier, ResponseError(code: ResponseError.invalidRequest, message: "message without a method"))
      }
      return
    }
    if let identifier {
      self = .request(identifier, method: method, params: params)
    } else if object["id"] == nil {
      self = .notification(method: method, params: params)
    } else {
      self = .invalid(
        nil,
        ResponseError(code: ResponseError.invalidRequest, message: "id is neither an integer nor a string"))
    }
  }
}

/// The messages that the server sends, as JSON.
enum Outgoing {
  static func result(_ identifier: RequestIdentifier, _ value: JSONValue) -> JSONValue {
    object(("jsonrpc", .string("2.0")), ("id", identifier.json), ("result", value))
  }

  static func error(_ identifier: RequestIdentifier?, _ error: ResponseError) -> JSONValue {
    object(
      ("jsonrpc", .string("2.0")), ("id", identifier?.json ?? .null),
      ("error", object(("code", .int(error.code)), ("message", .string(error.message)))))
  }

  static func notification(_ method: String, _ params: JSONValue) -> JSONValue {
    object(("jsonrpc", .string("2.0")), ("method", .string(method)), ("params", params))
  }

  static func object(_ members: (String, JSONValue)...) -> JSONValue { .object(JSONObject(members)) }
}
