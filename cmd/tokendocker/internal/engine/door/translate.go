package door

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// Calls inside the engine are JSON, as the SDKs spell their members. Services of other protocols get them, and answer,
// in their own: this file is between the two, as far as such calls are made.

// speaks returns the protocol that a service's room reads.
func speaks(service string) kind {
	switch service {
	case "sts", "iam", ec2, "cloudformation":
		return kindQuery
	case "s3":
		return kindS3
	}
	return kindJSON
}

// translate gives a call that has its input in Body the form that its service reads.
func translate(ctx context.Context, call *protocol.Call) error {
	kind := speaks(call.Service)
	if kind == kindJSON || call.Form != nil || call.HTTP != nil {
		return nil
	}
	var in map[string]any
	d := json.NewDecoder(bytes.NewReader(call.Body))
	d.UseNumber()
	if err := d.Decode(&in); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read input of %s:%s: %w", call.Service, call.Operation, err)
	}
	if kind == kindS3 {
		var err error
		call.HTTP, err = objectRequest(ctx, call.Operation, in)
		return err
	}
	call.Form = url.Values{"Action": {call.Operation}}
	for name, v := range in {
		flatten(call.Form, name, v, call.Service == ec2)
	}
	return nil
}

// flatten writes a value as the Query protocols do. EC2 names its lists in the singular and has no "member" in between.
// Source: Smithy, "AWS query protocol" and "AWS EC2 query protocol".
func flatten(form url.Values, name string, v any, bare bool) {
	switch v := v.(type) {
	case nil:
	case map[string]any:
		for key, e := range v {
			flatten(form, name+"."+key, e, bare)
		}
	case []any:
		if bare {
			name = strings.TrimSuffix(name, "s")
		} else {
			name += ".member"
		}
		for i, e := range v {
			flatten(form, name+"."+strconv.Itoa(i+1), e, bare)
		}
	default:
		form.Set(name, fmt.Sprint(v))
	}
}

// objectCall is how one of S3's operations looks over HTTP.
type objectCall struct {
	method string
	query  map[string]string // parameters by member; a member that begins with "=" is the value itself
	header map[string]string // headers by member
}

// objectCalls are the operations of S3 that calls inside the engine may be.
// Source: Amazon S3 API Reference, Actions.
func objectCalls() map[string]objectCall {
	return map[string]objectCall{
		"GetObject":    {method: http.MethodGet, query: map[string]string{"versionId": "VersionId"}, header: map[string]string{"Range": "Range"}},
		"HeadObject":   {method: http.MethodHead, query: map[string]string{"versionId": "VersionId"}},
		"PutObject":    {method: http.MethodPut, header: map[string]string{"Content-Type": "ContentType", "If-None-Match": "IfNoneMatch"}},
		"CopyObject":   {method: http.MethodPut, header: map[string]string{"X-Amz-Copy-Source": "CopySource"}},
		"DeleteObject": {method: http.MethodDelete, query: map[string]string{"versionId": "VersionId"}},
		"ListObjectsV2": {method: http.MethodGet, query: map[string]string{"list-type": "=2", "prefix": "Prefix", "delimiter": "Delimiter",
			"max-keys": "MaxKeys", "continuation-token": "ContinuationToken", "start-after": "StartAfter"}},
		"HeadBucket":  {method: http.MethodHead},
		"ListBuckets": {method: http.MethodGet},
	}
}

func objectRequest(ctx context.Context, operation string, in map[string]any) (*http.Request, error) {
	c, known := objectCalls()[operation]
	if !known {
		return nil, &protocol.Error{Code: "NotImplemented", Status: http.StatusNotImplemented,
			Message: "tokendocker makes no call of s3:" + operation + " itself"}
	}
	text := func(member string) string {
		switch v := in[member].(type) {
		case nil:
			return ""
		case string:
			return v
		case json.Number:
			return v.String()
		default:
			raw, _ := json.Marshal(v) //nolint:errchkjson // it was JSON before
			return string(raw)
		}
	}
	query := url.Values{}
	for name, member := range c.query {
		if value, fixed := strings.CutPrefix(member, "="); fixed {
			query.Set(name, value)
		} else if value := text(member); value != "" {
			query.Set(name, value)
		}
	}
	u := url.URL{Scheme: "http", Host: "s3", Path: "/" + text("Bucket"), RawQuery: query.Encode()}
	if key := text("Key"); key != "" {
		u.Path += "/" + key
	}
	body := text("Body")
	r, err := http.NewRequestWithContext(ctx, c.method, u.String(), strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	for name, member := range c.header {
		if value := text(member); value != "" {
			r.Header.Set(name, value)
		}
	}
	return r, nil
}

// written is an answer that is kept instead of sent.
type written struct {
	status int
	header http.Header
	body   bytes.Buffer
}

func (w *written) Header() http.Header         { return w.header }
func (w *written) Write(p []byte) (int, error) { return w.body.Write(p) }
func (w *written) WriteHeader(status int)      { w.status = status }

// spoken gives a service's answer as JSON would have it.
func spoken(call *protocol.Call, result any) (any, error) {
	switch kind := speaks(call.Service); {
	case result == nil || kind == kindJSON:
		return result, nil
	case kind == kindS3:
		handler, ok := result.(http.Handler)
		if !ok {
			return result, nil
		}
		w := &written{header: http.Header{}}
		handler.ServeHTTP(w, call.HTTP)
		return w.object(call.Operation)
	}
	var raw bytes.Buffer
	start := xml.StartElement{Name: xml.Name{Local: call.Operation + "Result"}}
	if err := xml.NewEncoder(&raw).EncodeElement(result, start); err != nil {
		return nil, err
	}
	out, _, err := read(raw.Bytes())
	if err == nil && out == "" {
		out = map[string]any{}
	}
	return out, err
}

// object is an answer of S3: what its headers say and its body, or the members of its XML.
func (w *written) object(operation string) (any, error) {
	if operation == "ListObjectsV2" || operation == "ListBuckets" || operation == "CopyObject" {
		out, root, err := read(w.body.Bytes())
		if operation == "CopyObject" {
			return map[string]any{root: out}, err
		}
		return out, err
	}
	out := map[string]any{}
	for header, member := range map[string]string{"Content-Type": "ContentType", "Etag": "ETag", "ETag": "ETag", "Last-Modified": "LastModified",
		"X-Amz-Version-Id": "VersionId"} {
		if v := w.header[header]; len(v) > 0 {
			out[member] = v[0]
		}
	}
	if n, err := strconv.Atoi(w.header.Get("Content-Length")); err == nil {
		out["ContentLength"] = n
	}
	if operation == "GetObject" {
		out["Body"] = w.body.String()
	}
	return out, nil
}

// members are those whose names in XML are others than in JSON, and repeated ones, which are lists.
//
//nolint:gochecknoglobals // constants
var (
	members = map[string]string{
		"vpcSet": "Vpcs", "subnetSet": "Subnets", "securityGroupInfo": "SecurityGroups", "routeTableSet": "RouteTables",
		"networkInterfaceSet": "NetworkInterfaces", "vpcEndpointSet": "VpcEndpoints", "availabilityZoneInfo": "AvailabilityZones",
		"imagesSet": "Images", "vpnGatewaySet": "VpnGateways", "tagSet": "Tags", "routeSet": "Routes", "associationSet": "Associations",
		"groupSet": "Groups", "zoneState": "State", "groups": "UserIdGroupPairs",
	}
	repeated = []string{"Contents", "CommonPrefixes"}
	numeric  = []string{"Size", "KeyCount", "MaxKeys"}
)

// element is any element of XML.
type element struct {
	XMLName  xml.Name
	Elements []element `xml:",any"`
	Text     string    `xml:",chardata"`
}

// read makes JSON's data of XML. Elements that are lists hold elements called "item" or "member".
func read(raw []byte) (value any, root string, err error) {
	var e element
	if err := xml.Unmarshal(raw, &e); err != nil {
		return nil, "", fmt.Errorf("read answer: %w", err)
	}
	return e.value(), e.XMLName.Local, nil
}

func (e element) value() any {
	list := strings.HasSuffix(e.XMLName.Local, "Set") || members[e.XMLName.Local] != "" && e.XMLName.Local != "zoneState" || e.XMLName.Local == "Buckets"
	if len(e.Elements) == 0 {
		switch {
		case list:
			return []any{}
		case e.Text == "true" || e.Text == "false":
			return e.Text == "true"
		case slices.Contains(numeric, e.XMLName.Local):
			if n, err := strconv.Atoi(e.Text); err == nil {
				return n
			}
		}
		return e.Text
	}
	if first := e.Elements[0].XMLName.Local; list || first == "item" || first == "member" {
		out := []any{}
		for _, inner := range e.Elements {
			out = append(out, inner.value())
		}
		return out
	}
	out := map[string]any{}
	for _, inner := range e.Elements {
		name := inner.XMLName.Local
		if other, known := members[name]; known {
			name = other
		}
		first, size := utf8.DecodeRuneInString(name)
		name = string(unicode.ToUpper(first)) + name[size:]
		if slices.Contains(repeated, name) {
			before, _ := out[name].([]any)
			out[name] = append(before, inner.value())
		} else {
			out[name] = inner.value()
		}
	}
	return out
}
