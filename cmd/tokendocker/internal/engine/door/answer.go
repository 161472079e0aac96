package door

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// kind is the protocol that a request speaks.
type kind int

const (
	kindREST  kind = iota // JSON errors: Lambda, API Gateway
	kindS3                // REST with XML errors
	kindJSON              // AWS JSON 1.0 and 1.1
	kindQuery             // form in, XML out
	kindXML               // REST with XML, and errors as those of Query: CloudFront, Route 53
)

// answer writes what goes back to a client.
type answer struct {
	w           http.ResponseWriter
	kind        kind
	service     string
	operation   string
	contentType string // of JSON requests; the answer has the same
	path        string
	requestID   string
}

// newAnswer finds out which protocol r speaks, as far as that can be seen without trusting its signature.
func newAnswer(w http.ResponseWriter, r *http.Request) *answer {
	a := &answer{w: w, requestID: requestID(), contentType: r.Header.Get("Content-Type"), path: r.URL.Path}
	w.Header().Set("X-Amzn-Requestid", a.requestID)
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		a.kind = kindJSON
		i := strings.LastIndexByte(target, '.')
		a.service, _ = serviceOfTarget(target[:max(i, 0)])
		a.operation = target[i+1:]
		return a
	}
	switch {
	case r.Method == http.MethodPost && strings.HasPrefix(a.contentType, "application/x-www-form-urlencoded"),
		r.URL.Query().Has("Action"):
		a.kind = kindQuery
	case looksLikeS3(r):
		a.kind = kindS3
	}
	return a
}

func looksLikeS3(r *http.Request) bool {
	host := withoutPort(r.Host)
	return r.Header.Get("X-Amz-Content-Sha256") != "" || strings.HasPrefix(host, "s3.") || strings.Contains(host, ".s3.") ||
		strings.Contains(r.URL.Query().Get("X-Amz-Credential"), "/s3/") || signedOldWay(r)
}

// signedOldWay reports whether a URL has a signature of version 2, which only S3's have.
func signedOldWay(r *http.Request) bool { return r.URL.Query().Has("AWSAccessKeyId") }

// signedBy takes the service from the signature's scope where the request itself does not name it.
func (a *answer) signedBy(service string) {
	if a.kind == kindJSON {
		return
	}
	a.service = service
	switch {
	case service == "s3":
		a.kind = kindS3
	case service == "cloudfront" || service == "route53":
		a.kind = kindXML
	case a.kind == kindS3:
		a.kind = kindREST
	}
}

func (a *answer) succeed(result any, r *http.Request) {
	if h, ok := result.(http.Handler); ok {
		if a.kind == kindS3 {
			a.w.Header().Set("X-Amz-Request-Id", a.requestID)
		}
		h.ServeHTTP(a.w, r)
		return
	}
	var body []byte
	var err error
	switch {
	case a.kind == kindQuery:
		body, err = a.queryResult(result)
	case result == nil:
		body = []byte("{}")
	default:
		body, err = json.Marshal(result)
	}
	if err != nil {
		a.fail(fmt.Errorf("write answer of %s:%s: %w", a.service, a.operation, err))
		return
	}
	a.write(http.StatusOK, body)
}

func (a *answer) queryResult(result any) ([]byte, error) {
	if a.service == ec2 {
		return a.ec2Result(result)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, `<%sResponse xmlns="%s">`, a.operation, queryNamespace(a.service))
	if result != nil {
		start := xml.StartElement{Name: xml.Name{Local: a.operation + "Result"}}
		if err := xml.NewEncoder(&b).EncodeElement(result, start); err != nil {
			return nil, err
		}
	}
	fmt.Fprintf(&b, `<ResponseMetadata><RequestId>%s</RequestId></ResponseMetadata></%sResponse>`, a.requestID, a.operation)
	return b.Bytes(), nil
}

// ec2Result writes a result as EC2 does: its members stand in the response itself, beside the request's id.
// Source: Smithy, "AWS EC2 query protocol".
func (a *answer) ec2Result(result any) ([]byte, error) {
	var b bytes.Buffer
	start := xml.StartElement{Name: xml.Name{Local: a.operation + "Response"},
		Attr: []xml.Attr{{Name: xml.Name{Local: "xmlns"}, Value: queryNamespace(a.service)}}}
	if err := xml.NewEncoder(&b).EncodeElement(result, start); err != nil {
		return nil, err
	}
	head, members, _ := bytes.Cut(b.Bytes(), []byte(">"))
	return fmt.Appendf(nil, "%s><requestId>%s</requestId>%s", head, a.requestID, members), nil
}

func (a *answer) fail(err error) {
	var e *protocol.Error
	if !errors.As(err, &e) {
		e = &protocol.Error{Code: "InternalFailure", Message: err.Error(), Status: http.StatusInternalServerError}
	}
	status := e.HTTPStatus()
	code := e.Code
	if code == "AccessDeniedException" && a.kind != kindJSON {
		status = http.StatusForbidden
		switch {
		case a.kind == kindQuery && a.service == ec2:
			code = "UnauthorizedOperation"
		case a.kind != kindREST:
			code = "AccessDenied"
		}
	}
	switch a.kind {
	case kindQuery, kindXML:
		a.write(status, a.queryError(code, e.Message, status))
	case kindS3:
		a.write(status, a.s3Error(code, e))
	default:
		a.w.Header().Set("X-Amzn-Errortype", code)
		body := map[string]any{"message": e.Message}
		if a.kind == kindJSON {
			body["__type"] = code
		}
		maps.Copy(body, e.Fields)
		text, _ := json.Marshal(body)
		a.write(status, text)
	}
}

func (a *answer) queryError(code, message string, status int) []byte {
	if a.service == ec2 {
		return fmt.Appendf(nil, `<Response><Errors><Error><Code>%s</Code><Message>%s</Message></Error></Errors><RequestID>%s</RequestID></Response>`,
			escape(code), escape(message), a.requestID)
	}
	sender := "Sender"
	if status >= http.StatusInternalServerError {
		sender = "Receiver"
	}
	return fmt.Appendf(nil, `<ErrorResponse xmlns="%s"><Error><Type>%s</Type><Code>%s</Code><Message>%s</Message></Error><RequestId>%s</RequestId></ErrorResponse>`,
		queryNamespace(a.service), sender, escape(code), escape(message), a.requestID)
}

func (a *answer) s3Error(code string, e *protocol.Error) []byte {
	var fields strings.Builder
	for name, value := range e.Fields {
		fmt.Fprintf(&fields, "<%s>%s</%[1]s>", name, escape(fmt.Sprint(value)))
	}
	return fmt.Appendf(nil, `<?xml version="1.0" encoding="UTF-8"?>`+"\n"+`<Error><Code>%s</Code><Message>%s</Message>%s<Resource>%s</Resource><RequestId>%s</RequestId></Error>`,
		escape(code), escape(e.Message), fields.String(), escape(a.path), a.requestID)
}

func (a *answer) write(status int, body []byte) {
	switch {
	case a.kind == kindJSON && a.contentType != "":
		a.w.Header().Set("Content-Type", a.contentType)
	case a.kind == kindS3:
		a.w.Header().Set("Content-Type", "application/xml")
		a.w.Header().Set("X-Amz-Request-Id", a.requestID)
	case a.kind == kindQuery, a.kind == kindXML:
		a.w.Header().Set("Content-Type", "text/xml")
	default:
		a.w.Header().Set("Content-Type", "application/json")
	}
	a.w.WriteHeader(status)
	_, _ = a.w.Write(body) // a client that went away has no use for an error
}

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a strings.Builder never fails
	return b.String()
}

func requestID() string {
	var b [16]byte
	rand.Read(b[:]) //nolint:errcheck // crypto/rand.Read never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
