/**
 * Named wire vectors, good and malformed, for the decoder's tests, fuzzing and the bench. Text
 * vectors hold as text and as its UTF-8 bytes; vectors of bytes hold as bytes only.
 */
import type { ErrorCode } from "../../src/errors.ts";
import type { DecoderLimits } from "../../src/stomp/decoder.ts";
import type { Body } from "../../src/stomp/frame.ts";
import type { StompVersion } from "../../src/stomp/version.ts";

/** The limits that the vectors are written for. */
export const VECTOR_LIMITS: DecoderLimits = {
  maxFrameBytes: 512,
  maxHeaders: 4,
  maxHeaderLineBytes: 64,
};

/** null: before CONNECT is answered. */
export type Rules = StompVersion | null;

export interface ExpectedFrame {
  readonly command: string;
  /** Flat name, value list. */
  readonly headers: readonly string[];
  /** None: empty. Text stands for its UTF-8 bytes too. */
  readonly body?: Body;
}

interface Wire {
  /** A sentence. */
  readonly name: string;
  /** Under which rules it holds. */
  readonly versions: readonly Rules[];
  readonly wire: string | Uint8Array;
}

export interface GoodVector extends Wire {
  readonly frames: readonly ExpectedFrame[];
}

export interface MalformedVector extends Wire {
  readonly error: ErrorCode;
}

const ALL: readonly Rules[] = [null, "1.0", "1.1", "1.2"];
const CONNECTED: readonly Rules[] = ["1.0", "1.1", "1.2"];
const ESCAPING: readonly Rules[] = ["1.1", "1.2"];
const WITH_CR: readonly Rules[] = [null, "1.2"];
const WITHOUT_CR: readonly Rules[] = ["1.0", "1.1"];

function latin1(text: string): Uint8Array {
  return Buffer.from(text, "latin1");
}

function send(headers: readonly string[], body: Body = ""): ExpectedFrame {
  return { command: "SEND", headers, body };
}

export const GOOD_VECTORS: readonly GoodVector[] = [
  {
    name: "a CONNECT as a stock client writes it",
    versions: ALL,
    wire: "CONNECT\naccept-version:1.2,1.1,1.0\nheart-beat:10000,10000\n\n\0",
    frames: [
      {
        command: "CONNECT",
        headers: ["accept-version", "1.2,1.1,1.0", "heart-beat", "10000,10000"],
      },
    ],
  },
  {
    name: "a STOMP frame in place of CONNECT",
    versions: ALL,
    wire: "STOMP\naccept-version:1.2\nhost:parley\n\n\0",
    frames: [{ command: "STOMP", headers: ["accept-version", "1.2", "host", "parley"] }],
  },
  {
    name: "a CONNECT without accept-version is trimmed as 1.0 pads it",
    versions: [null, "1.0"],
    wire: "CONNECT\nlogin: alice\npasscode: secret \n\n\0",
    frames: [{ command: "CONNECT", headers: ["login", "alice", "passcode", "secret"] }],
  },
  {
    name: "a CONNECT that offers versions keeps its padding",
    versions: [null, "1.1", "1.2"],
    wire: "CONNECT\naccept-version:1.2\nlogin: alice\n\n\0",
    frames: [{ command: "CONNECT", headers: ["accept-version", "1.2", "login", " alice"] }],
  },
  {
    name: "CONNECT is never unescaped, not even of what is no escape",
    versions: ALL,
    wire: "CONNECT\naccept-version:1.2\npasscode:a\\nb\\c\\q\\\n\n\0",
    frames: [
      { command: "CONNECT", headers: ["accept-version", "1.2", "passcode", "a\\nb\\c\\q\\"] },
    ],
  },
  {
    name: "CONNECTED is never unescaped",
    versions: CONNECTED,
    wire: "CONNECTED\nserver:a\\cb\n\n\0",
    frames: [{ command: "CONNECTED", headers: ["server", "a\\cb"] }],
  },
  {
    name: "a SEND without content-length ends at its NUL",
    versions: ALL,
    wire: "SEND\ndestination:/topic/a\n\nhello\0",
    frames: [send(["destination", "/topic/a"], "hello")],
  },
  {
    name: "a SEND with content-length",
    versions: ALL,
    wire: "SEND\ndestination:/topic/a\ncontent-length:5\n\nhello\0",
    frames: [send(["destination", "/topic/a", "content-length", "5"], "hello")],
  },
  {
    name: "a SEND without a body",
    versions: ALL,
    wire: "SEND\ndestination:/topic/a\n\n\0",
    frames: [send(["destination", "/topic/a"])],
  },
  {
    name: "a SEND with content-length 0",
    versions: ALL,
    wire: "SEND\ncontent-length:0\n\n\0",
    frames: [send(["content-length", "0"])],
  },
  {
    name: "a frame without headers",
    versions: ALL,
    wire: "DISCONNECT\n\n\0",
    frames: [{ command: "DISCONNECT", headers: [] }],
  },
  {
    name: "a frame that may not have a body says so by content-length",
    versions: ALL,
    wire: "SUBSCRIBE\nid:0\ncontent-length:0\n\n\0",
    frames: [{ command: "SUBSCRIBE", headers: ["id", "0", "content-length", "0"] }],
  },
  {
    name: "an unknown command is a frame as well",
    versions: ALL,
    wire: "FROBNICATE\na:b\n\n\0",
    frames: [{ command: "FROBNICATE", headers: ["a", "b"] }],
  },
  {
    name: "a body of NULs when content-length says so",
    versions: ALL,
    wire: "SEND\ncontent-length:7\n\n\0a\0\0b\0\n\0",
    frames: [send(["content-length", "7"], "\0a\0\0b\0\n")],
  },
  {
    name: "a body that looks like further frames",
    versions: ALL,
    wire: "SEND\ncontent-length:17\n\nA\n\n\0SEND\nb:c\n\nd\0\n\0",
    frames: [send(["content-length", "17"], "A\n\n\0SEND\nb:c\n\nd\0\n")],
  },
  {
    name: "content-length counts octets, not characters",
    versions: ALL,
    wire: "SEND\ncontent-length:15\n\naé€😀é€\0",
    frames: [send(["content-length", "15"], "aé€😀é€")],
  },
  {
    name: "characters of several octets around NULs",
    versions: ALL,
    wire: "SEND\ncontent-length:11\n\n😀\0é\0€\0",
    frames: [send(["content-length", "11"], "😀\0é\0€")],
  },
  {
    name: "characters of several octets without content-length",
    versions: ALL,
    wire: "SEND\na:b\n\n😀é€\0",
    frames: [send(["a", "b"], "😀é€")],
  },
  {
    name: "headers of characters of several octets",
    versions: ALL,
    wire: "SEND\nnäme:wért€😀\n\n\0",
    frames: [send(["näme", "wért€😀"])],
  },
  {
    name: "U+FFFD and U+FEFF in a header are characters like others",
    versions: ALL,
    wire: "SEND\na:x\ufffd\ufeffy\n\n\0",
    frames: [send(["a", "x\ufffd\ufeffy"])],
  },
  {
    name: "a body that is not UTF-8",
    versions: ALL,
    wire: latin1("SEND\ncontent-length:4\n\n\xff\x00\xfe\xc3\0"),
    frames: [send(["content-length", "4"], latin1("\xff\x00\xfe\xc3"))],
  },
  {
    name: "the first of repeated headers stands first",
    versions: ALL,
    wire: "SEND\na:first\na:second\n\n\0",
    frames: [send(["a", "first", "a", "second"])],
  },
  {
    name: "the first of repeated content-lengths counts",
    versions: ALL,
    wire: "SEND\ncontent-length:2\ncontent-length:9\n\nhi\0",
    frames: [send(["content-length", "2", "content-length", "9"], "hi")],
  },
  {
    name: "a header without a value",
    versions: ALL,
    wire: "SEND\na:\n\n\0",
    frames: [send(["a", ""])],
  },
  {
    name: "colons in a value that nobody escaped",
    versions: ALL,
    wire: "SEND\norigin:http://a:80\n\n\0",
    frames: [send(["origin", "http://a:80"])],
  },
  {
    name: "1.0 trims names and values",
    versions: ["1.0"],
    wire: "SEND\n destination :  /topic/a \ncontent-length: 2\n\nhi\0",
    frames: [send(["destination", "/topic/a", "content-length", "2"], "hi")],
  },
  {
    name: "1.1 and 1.2 do not trim",
    versions: ESCAPING,
    wire: "SEND\n a : b \n\n\0",
    frames: [send([" a ", " b "])],
  },
  {
    name: "1.0 knows no escapes",
    versions: ["1.0"],
    wire: "SEND\na:\\n\\c\\\\\\q\\\n\n\0",
    frames: [send(["a", "\\n\\c\\\\\\q\\"])],
  },
  {
    name: "the escapes of 1.1 in name and value",
    versions: ESCAPING,
    wire: "SEND\na\\cb:c\\nd\\\\n\\c\n\n\0",
    frames: [send(["a:b", "c\nd\\n:"])],
  },
  {
    name: "the escape of CR in 1.2",
    versions: ["1.2"],
    wire: "SEND\na:b\\r\\n\n\n\0",
    frames: [send(["a", "b\r\n"])],
  },
  {
    name: "1.1 allows a CR in a value, and at its end",
    versions: ["1.1"],
    wire: "SEND\na:b\rc\r\n\n\0",
    frames: [send(["a", "b\rc\r"])],
  },
  {
    name: "lines that end in CR LF",
    versions: WITH_CR,
    wire: "SEND\r\naccept-version:1.2\r\na:b\r\n\r\nx\r\ny\0\r\n",
    frames: [send(["accept-version", "1.2", "a", "b"], "x\r\ny")],
  },
  {
    name: "lines that end in either, mixed",
    versions: WITH_CR,
    wire: "SEND\r\na:b\nc:d\r\n\nx\0",
    frames: [send(["a", "b", "c", "d"], "x")],
  },
  {
    name: "nothing but heart-beats",
    versions: ALL,
    wire: "\n\n\n",
    frames: [],
  },
  {
    name: "heart-beats of CR LF",
    versions: WITH_CR,
    wire: "\r\n\r\n",
    frames: [],
  },
  {
    name: "frames joined, heart-beats around them",
    versions: ALL,
    wire: "\nSEND\na:b\n\n1\0\n\nBEGIN\nc:d\n\n\0SEND\ncontent-length:1\n\n\0\0\n",
    frames: [
      send(["a", "b"], "1"),
      { command: "BEGIN", headers: ["c", "d"] },
      send(["content-length", "1"], "\0"),
    ],
  },
  {
    name: "as many headers as the limit says",
    versions: ALL,
    wire: "SEND\na:1\nb:2\nc:3\nd:4\n\n\0",
    frames: [send(["a", "1", "b", "2", "c", "3", "d", "4"])],
  },
  {
    name: "a header line as long as the limit says",
    versions: ALL,
    wire: `SEND\na:${"x".repeat(62)}\n\n\0`,
    frames: [send(["a", "x".repeat(62)])],
  },
  {
    name: "a header line as long as the limit says, in octets",
    versions: ALL,
    wire: `SEND\na:${"😀".repeat(15)}é\n\n\0`,
    frames: [send(["a", `${"😀".repeat(15)}é`])],
  },
  {
    name: "a frame as large as the limit says",
    versions: ALL,
    wire: `SEND\n\n${"x".repeat(505)}\0`,
    frames: [send([], "x".repeat(505))],
  },
  {
    name: "a frame as large as the limit says, in octets",
    versions: ALL,
    wire: `SEND\ncontent-length:486\n\n${"😀".repeat(121)}é\0`,
    frames: [send(["content-length", "486"], `${"😀".repeat(121)}é`)],
  },
  {
    name: "a longest command",
    versions: ALL,
    wire: "ABCDEFGHIJKLMNOP\n\n\0",
    frames: [{ command: "ABCDEFGHIJKLMNOP", headers: [] }],
  },
  {
    name: "a body on any frame of 1.0, which does not forbid it",
    versions: ["1.0"],
    wire: "SUBSCRIBE\nid:0\n\nbody\0",
    frames: [{ command: "SUBSCRIBE", headers: ["id", "0"], body: "body" }],
  },
  {
    name: "a body on MESSAGE and ERROR",
    versions: CONNECTED,
    wire: "MESSAGE\na:b\n\n1\0ERROR\nc:d\n\n2\0",
    frames: [
      { command: "MESSAGE", headers: ["a", "b"], body: "1" },
      { command: "ERROR", headers: ["c", "d"], body: "2" },
    ],
  },
];

const malformed = (
  name: string,
  versions: readonly Rules[],
  wire: string | Uint8Array,
): MalformedVector => ({ name, versions, wire, error: "MALFORMED_FRAME" });

export const MALFORMED_VECTORS: readonly MalformedVector[] = [
  malformed("a command in small letters", ALL, "send\n\n\0"),
  malformed("a command with a space before it", ALL, " SEND\n\n\0"),
  malformed("an HTTP request", ALL, "GET / HTTP/1.1\r\n"),
  malformed("a line of HTTP that never ends", ALL, "GET /"),
  malformed("a TLS handshake", ALL, latin1("\x16\x03\x01\x02\x00\x01")),
  malformed("a NUL in place of a frame", ALL, "\0"),
  malformed("a command that a NUL cuts short", ALL, "SEND\0"),
  malformed("a command longer than any", ALL, "ABCDEFGHIJKLMNOPQ\n\n\0"),
  malformed("an endless command", ALL, "ABCDEFGHIJKLMNOPQR"),
  malformed("a byte order mark before the command", ALL, "\ufeffSEND\n\n\0"),
  malformed("garbage after a whole frame", ALL, "SEND\n\n\0garbage"),
  malformed("a header line without a colon", ALL, "SEND\nno-colon\n\n\0"),
  malformed("a header line without a colon before one with it", ALL, "SEND\nno-colon\na:b\n\n\0"),
  malformed("a header line without a name", ALL, "SEND\n:value\n\n\0"),
  malformed("a NUL in the headers", ALL, "SEND\na:b\0\n\n\0"),
  malformed("a frame that ends within its headers", ALL, "SEND\na:b\0SEND\n\n\0"),
  malformed("a frame that ends right after its headers", ALL, "SEND\na:b\n\0"),
  malformed("an escape that no version has", ESCAPING, "SEND\na:\\t\n\n\0"),
  malformed("an escape that no version has, in a name", ESCAPING, "SEND\n\\x:b\n\n\0"),
  malformed("a backslash that ends the value", ESCAPING, "SEND\na:b\\\n\n\0"),
  malformed("the escape of CR in 1.1", ["1.1"], "SEND\na:\\r\n\n\0"),
  malformed("CR LF after the command in 1.0 and 1.1", WITHOUT_CR, "SEND\r\na:b\n\n\0"),
  malformed("CR LF as the empty line in 1.0 and 1.1", WITHOUT_CR, "SEND\na:b\n\r\n\0"),
  malformed("CR LF between frames in 1.0 and 1.1", WITHOUT_CR, "SEND\n\n\0\r\n"),
  malformed("a CR within a header of 1.2", WITH_CR, "SEND\na:b\rc\n\n\0"),
  malformed("two CRs at the end of a line of 1.2", WITH_CR, "SEND\na:b\r\r\n\n\0"),
  malformed("a content-length that is no number", ALL, "SEND\ncontent-length:abc\n\n\0"),
  malformed("an empty content-length", ALL, "SEND\ncontent-length:\n\n\0"),
  malformed("a negative content-length", ALL, "SEND\ncontent-length:-1\n\n\0"),
  malformed("a content-length with a sign", ALL, "SEND\ncontent-length:+1\n\na\0"),
  malformed("a content-length with a fraction", ALL, "SEND\ncontent-length:1.0\n\na\0"),
  malformed("a hexadecimal content-length", ALL, "SEND\ncontent-length:0x1\n\na\0"),
  malformed("a body longer than content-length", ALL, "SEND\ncontent-length:2\n\nabc\0"),
  malformed("a NUL before and none at content-length", ALL, "SEND\ncontent-length:3\n\na\0bc\0"),
  malformed("a body where content-length is 0", ALL, "SEND\ncontent-length:0\n\na\0"),
  malformed("content-length within a character", ALL, "SEND\ncontent-length:2\n\n€\0"),
  malformed("content-length within a surrogate pair", ALL, "SEND\ncontent-length:3\n\na😀\0"),
  malformed("content-length counted in characters", ALL, "SEND\ncontent-length:4\n\nüüüü\0"),
  malformed("a body on SUBSCRIBE", ESCAPING, "SUBSCRIBE\nid:0\n\nbody\0"),
  malformed("a body announced on ACK", ESCAPING, "ACK\ncontent-length:1\n\na\0"),
  malformed("a body on a CONNECT of 1.2", [null], "CONNECT\naccept-version:1.2\n\nbody\0"),
  malformed("a header that is not UTF-8", ALL, latin1("SEND\na:\xff\n\n\0")),
  malformed("a header cut within a character", ALL, latin1("SEND\na:\xe2\x82\n\n\0")),
  malformed("a header with U+FFFD and no UTF-8", ALL, latin1("SEND\na:\xef\xbf\xbd\xc0\x80\n\n\0")),
  {
    name: "a header line longer than the limit",
    versions: ALL,
    wire: `SEND\na:${"x".repeat(63)}\n\n\0`,
    error: "HEADER_LIMIT_EXCEEDED",
  },
  {
    name: "a header line longer than the limit, in octets only",
    versions: ALL,
    wire: `SEND\na:${"😀".repeat(15)}€\n\n\0`,
    error: "HEADER_LIMIT_EXCEEDED",
  },
  {
    name: "a header line longer than the limit that never ends",
    versions: ALL,
    wire: `SEND\n${"x".repeat(65)}`,
    error: "HEADER_LIMIT_EXCEEDED",
  },
  {
    name: "more headers than the limit",
    versions: ALL,
    wire: "SEND\na:1\nb:2\nc:3\nd:4\ne:5\n",
    error: "HEADER_LIMIT_EXCEEDED",
  },
  {
    name: "a content-length over the limit, before any of the body",
    versions: ALL,
    wire: "SEND\ncontent-length:600\n\n",
    error: "FRAME_TOO_LARGE",
  },
  {
    name: "a content-length that makes the frame one octet too large",
    versions: ALL,
    wire: "SEND\ncontent-length:487\n\n",
    error: "FRAME_TOO_LARGE",
  },
  {
    name: "a content-length beyond all numbers",
    versions: ALL,
    wire: `SEND\ncontent-length:${"9".repeat(40)}\n\n`,
    error: "FRAME_TOO_LARGE",
  },
  {
    name: "a body over the limit that never ends",
    versions: ALL,
    wire: `SEND\n\n${"x".repeat(506)}`,
    error: "FRAME_TOO_LARGE",
  },
  {
    name: "a body over the limit, in octets only",
    versions: ALL,
    wire: `SEND\n\n${"é".repeat(253)}`,
    error: "FRAME_TOO_LARGE",
  },
];
