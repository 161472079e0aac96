package door

import (
	"encoding/json"
	"encoding/xml"
	"io"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// TestTranslate: what a JSON input becomes in the protocols of the services that read no JSON.
func TestTranslate(t *testing.T) {
	cases := []struct {
		name, source, service, operation, in string
		form                                 map[string]string
		method, url, body                    string
		header                               http.Header
	}{
		{name: "lists", source: "Smithy, AWS query protocol, 2026-11", service: "sts", operation: "AssumeRole",
			in:   `{"RoleArn":"r","DurationSeconds":900,"Tags":[{"Key":"a","Value":"b"}],"PolicyArns":[]}`,
			form: map[string]string{"Action": "AssumeRole", "RoleArn": "r", "DurationSeconds": "900", "Tags.member.1.Key": "a", "Tags.member.1.Value": "b"}},
		{name: "EC2's lists", source: "Smithy, AWS EC2 query protocol, 2026-11", service: "ec2", operation: "DescribeVpcs",
			in:   `{"VpcIds":["v1","v2"],"Filters":[{"Name":"is-default","Values":[true]}]}`,
			form: map[string]string{"Action": "DescribeVpcs", "VpcId.1": "v1", "VpcId.2": "v2", "Filter.1.Name": "is-default", "Filter.1.Value.1": "true"}},
		{name: "no input", source: "Smithy, AWS query protocol, 2026-11", service: "iam", operation: "ListRoles", in: ``, form: map[string]string{"Action": "ListRoles"}},
		{name: "object", source: "Amazon S3 API Reference, PutObject, 2026-11", service: "s3", operation: "PutObject",
			in: `{"Bucket":"b","Key":"a b/ü?","Body":{"n":1},"ContentType":"text/plain"}`, method: "PUT", url: "http://s3/b/a%20b/%C3%BC%3F", body: `{"n":1}`,
			header: http.Header{"Content-Type": {"text/plain"}}},
		{name: "list of objects", source: "Amazon S3 API Reference, ListObjectsV2, 2026-11", service: "s3", operation: "ListObjectsV2",
			in: `{"Bucket":"b","Prefix":"p/","MaxKeys":2}`, method: "GET", url: "http://s3/b?list-type=2&max-keys=2&prefix=p%2F"},
		{name: "JSON", source: "Smithy, AWS JSON 1.1 protocol, 2026-11", service: "ssm", operation: "GetParameter", in: `{"Name":"n"}`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			call := &protocol.Call{Service: c.service, Operation: c.operation, Body: []byte(c.in)}
			if err := translate(t.Context(), call); err != nil {
				t.Fatal(err)
			}
			got := map[string]string{}
			for name := range call.Form {
				got[name] = call.Form.Get(name)
			}
			if c.form == nil {
				c.form = map[string]string{}
			}
			if diff := cmp.Diff(c.form, got); diff != "" {
				t.Error(diff)
			}
			if c.method == "" {
				if call.HTTP != nil {
					t.Error("it is a request")
				}
				return
			}
			body, err := io.ReadAll(call.HTTP.Body)
			if err != nil || call.HTTP.Method != c.method || call.HTTP.URL.String() != c.url || string(body) != c.body {
				t.Errorf("%s %s %q", call.HTTP.Method, call.HTTP.URL, body)
			}
			if c.header != nil {
				if diff := cmp.Diff(c.header, call.HTTP.Header); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
	if err := translate(t.Context(), &protocol.Call{Service: "s3", Operation: "SelectObjectContent", Body: []byte(`{}`)}); err == nil {
		t.Error("an operation that is not there is translated")
	}
}

// TestSpoken: what XML answers become in JSON.
func TestSpoken(t *testing.T) {
	type zone struct {
		Name  string `xml:"zoneName"`
		State string `xml:"zoneState"`
	}
	type answer struct {
		XMLName xml.Name `xml:"answer"`
		Zones   []zone   `xml:"availabilityZoneInfo>item"`
	}
	cases := []struct {
		name, service, operation string
		result                   any
		want                     string
	}{
		{"EC2's names", "ec2", "DescribeAvailabilityZones", answer{Zones: []zone{{"a", "available"}}}, `{"AvailabilityZones":[{"ZoneName":"a","State":"available"}]}`},
		{"Query", "sts", "GetCallerIdentity", struct{ Arn, Account string }{"arn", "012345678901"}, `{"Arn":"arn","Account":"012345678901"}`},
		{"nothing", "iam", "DeleteRole", struct{}{}, `{}`},
		{"objects", "s3", "ListObjectsV2", s3Answer(`<ListBucketResult><KeyCount>1</KeyCount><IsTruncated>false</IsTruncated><Contents><Key>k</Key><Size>3</Size></Contents></ListBucketResult>`),
			`{"KeyCount":1,"IsTruncated":false,"Contents":[{"Key":"k","Size":3}]}`},
		{"object", "s3", "GetObject", s3Answer("text"), `{"Body":"text","ContentType":"text/plain","ETag":"\"e\""}`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://s3/b", nil)
			if err != nil {
				t.Fatal(err)
			}
			out, err := spoken(&protocol.Call{Service: c.service, Operation: c.operation, HTTP: request}, c.result)
			if err != nil {
				t.Fatal(err)
			}
			raw, err := json.Marshal(out)
			if err != nil {
				t.Fatal(err)
			}
			var got, want any
			if err := json.Unmarshal(raw, &got); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal([]byte(c.want), &want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func s3Answer(body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.Header()["ETag"] = []string{`"e"`}
		w.WriteHeader(http.StatusOK)
		_, _ = io.WriteString(w, body)
	})
}
