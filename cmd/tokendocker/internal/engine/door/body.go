package door

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/door/sigv4"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// maxBody bounds the bodies that are read whole: everything but S3 objects.
const maxBody = 64 << 20

// hashBody returns the hash of the body, and leaves a body in r that is the hashed one. Objects are not read here:
// streamBody lets them be compared while S3 reads them.
func hashBody(r *http.Request, sig *sigv4.Signature) (string, error) {
	if sig.Service == "s3" {
		return sig.Payload, nil
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return "", fmt.Errorf("read request: %w", err)
	}
	if len(body) > maxBody {
		return "", &protocol.Error{Code: "RequestEntityTooLargeException", Message: "Request is too large", Status: http.StatusRequestEntityTooLarge}
	}
	sum := sha256.Sum256(body)
	payload := hex.EncodeToString(sum[:])
	if len(sig.Payload) == len(payload) && sig.Payload != payload {
		return "", protocol.Errorf("InvalidSignatureException", "The provided X-Amz-Content-Sha256 does not match what was computed.")
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return payload, nil
}

func readAll(r *http.Request) ([]byte, error) { return io.ReadAll(r.Body) }

func readForm(r *http.Request) (url.Values, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, protocol.Errorf("MalformedQueryString", "The request's body is no form: %v", err)
	}
	for name, values := range r.URL.Query() {
		form[name] = append(form[name], values...)
	}
	return form, nil
}

// streamBody makes r's body one that ends in an error if it is not what was signed. It changes what the signature
// covers, so it comes after the check of that.
func streamBody(r *http.Request, sig *sigv4.Signature) error {
	if sig.Service != "s3" {
		return nil
	}
	payload := sig.Payload
	switch payload {
	case sigv4.UnsignedPayload:
	case sigv4.UnsignedTrailer:
		n, err := strconv.ParseInt(r.Header.Get("X-Amz-Decoded-Content-Length"), 10, 64)
		if err != nil {
			return &protocol.Error{Code: "MissingContentLength", Message: "You must provide the X-Amz-Decoded-Content-Length header.", Status: http.StatusLengthRequired}
		}
		r.Body = &chunked{in: bufio.NewReader(r.Body), close: r.Body, header: r.Header, total: n}
		r.ContentLength = n
	case sigv4.SignedStream, sigv4.SignedTrailer:
		return &protocol.Error{Code: "NotImplemented", Status: http.StatusNotImplemented,
			Message: "tokendocker does not read bodies signed chunk by chunk; send the hash of the whole body, or an unsigned trailer"}
	default:
		want, err := hex.DecodeString(payload)
		if err != nil || len(want) != sha256.Size {
			return protocol.Errorf("InvalidRequest", "Missing required header for this request: x-amz-content-sha256")
		}
		r.Body = &hashed{ReadCloser: r.Body, sum: sha256.New(), want: want}
	}
	return nil
}

// hashed is a body that ends in an error if it is not the one that was signed.
type hashed struct {
	io.ReadCloser
	sum  hash.Hash
	want []byte
}

func (h *hashed) Read(p []byte) (int, error) {
	n, err := h.ReadCloser.Read(p)
	h.sum.Write(p[:n])
	if err == io.EOF && !bytes.Equal(h.sum.Sum(nil), h.want) {
		return n, protocol.Errorf("XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed.")
	}
	return n, err
}

// chunked reads the aws-chunked encoding with unsigned chunks. At its end the trailer's fields are put into the
// request's header, where the checksums of an unchunked body stand.
// Source: Amazon S3 API Reference, "Transferring payload in multiple chunks (chunked upload)", trailing headers.
type chunked struct {
	in     *bufio.Reader
	close  io.Closer
	header http.Header
	total  int64 // that remain of the decoded body
	left   int64 // that remain of the present chunk
	err    error
}

func (c *chunked) Close() error { return c.close.Close() }

func (c *chunked) Read(p []byte) (int, error) {
	if c.err == nil && c.left == 0 {
		c.err = c.next()
	}
	if c.err != nil {
		return 0, c.err
	}
	n, err := c.in.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	c.total -= int64(n)
	if err != nil {
		c.err = incomplete(err)
		return n, c.err
	}
	if c.left == 0 {
		c.err = c.lineEnd()
	}
	return n, nil
}

// next reads the head of a chunk; of the last one also the trailer, and returns io.EOF.
func (c *chunked) next() error {
	line, err := c.in.ReadString('\n')
	if err != nil {
		return incomplete(err)
	}
	size, _, _ := strings.Cut(strings.TrimSpace(line), ";")
	if c.left, err = strconv.ParseInt(size, 16, 64); err != nil || c.left < 0 || c.left > c.total {
		return protocol.Errorf("IncompleteBody", "The request body is not in aws-chunked encoding.")
	}
	if c.left > 0 {
		return nil
	}
	if c.total != 0 {
		return incomplete(io.ErrUnexpectedEOF)
	}
	trailer, err := textproto.NewReader(c.in).ReadMIMEHeader()
	if err != nil && !errors.Is(err, io.EOF) {
		return incomplete(err)
	}
	for name, values := range trailer {
		c.header[name] = values
	}
	return io.EOF
}

func (c *chunked) lineEnd() error {
	line, err := c.in.ReadString('\n')
	if err != nil || strings.TrimSpace(line) != "" {
		return incomplete(io.ErrUnexpectedEOF)
	}
	return nil
}

func incomplete(error) error {
	return protocol.Errorf("IncompleteBody", "The request body terminated unexpectedly.")
}
