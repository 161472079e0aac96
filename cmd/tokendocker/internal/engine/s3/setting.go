package s3

import (
	"context"
	"encoding/xml"
	"io"
	"net/http"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// setting is a configuration of a bucket that is kept and told as it came: but for notifications, nothing here acts by it.
type setting struct {
	query  string // the parameter that names it
	root   string // its XML element
	get    string // operation, with the action it needs
	put    string
	remove string // empty: there is none
	rights [3]string
	first  string // what every new bucket has, without the root element; empty: nothing
	none   string // code of the error where a bucket has nothing; empty: an empty element tells so
	says   string // and its message

	// check returns the configuration as it is kept, or why it is refused. Nil: only its form is read.
	check func(r *Room, ctx context.Context, req *request, inner string) (string, error)
}

// settings are the configurations that are kept.
// Sources: Amazon S3 API Reference, the operations' "Errors" and "Sample Response"; Service Authorization Reference,
// Amazon S3; Amazon S3 User Guide, "Default settings for new S3 buckets FAQ".
var settings = []setting{
	{query: "notification", root: "NotificationConfiguration", get: "GetBucketNotificationConfiguration", put: "PutBucketNotificationConfiguration",
		rights: [3]string{"s3:GetBucketNotification", "s3:PutBucketNotification"}, check: (*Room).checkNotifications},
	{query: "logging", root: "BucketLoggingStatus", get: "GetBucketLogging", put: "PutBucketLogging",
		rights: [3]string{"s3:GetBucketLogging", "s3:PutBucketLogging"}},
	{query: "encryption", root: "ServerSideEncryptionConfiguration", get: "GetBucketEncryption", put: "PutBucketEncryption", remove: "DeleteBucketEncryption",
		rights: [3]string{"s3:GetEncryptionConfiguration", "s3:PutEncryptionConfiguration", "s3:PutEncryptionConfiguration"},
		first: "<Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault>" +
			"<BucketKeyEnabled>false</BucketKeyEnabled></Rule>"},
	{query: "publicAccessBlock", root: "PublicAccessBlockConfiguration", get: "GetPublicAccessBlock", put: "PutPublicAccessBlock", remove: "DeletePublicAccessBlock",
		rights: [3]string{"s3:GetBucketPublicAccessBlock", "s3:PutBucketPublicAccessBlock", "s3:PutBucketPublicAccessBlock"},
		first: "<BlockPublicAcls>true</BlockPublicAcls><IgnorePublicAcls>true</IgnorePublicAcls><BlockPublicPolicy>true</BlockPublicPolicy>" +
			"<RestrictPublicBuckets>true</RestrictPublicBuckets>",
		none: "NoSuchPublicAccessBlockConfiguration", says: "The public access block configuration was not found"},
	{query: "ownershipControls", root: "OwnershipControls", get: "GetBucketOwnershipControls", put: "PutBucketOwnershipControls", remove: "DeleteBucketOwnershipControls",
		rights: [3]string{"s3:GetBucketOwnershipControls", "s3:PutBucketOwnershipControls", "s3:PutBucketOwnershipControls"},
		first:  "<Rule><ObjectOwnership>BucketOwnerEnforced</ObjectOwnership></Rule>",
		none:   "OwnershipControlsNotFoundError", says: "The bucket ownership controls were not found"},
	{query: "cors", root: "CORSConfiguration", get: "GetBucketCors", put: "PutBucketCors", remove: "DeleteBucketCors",
		rights: [3]string{"s3:GetBucketCORS", "s3:PutBucketCORS", "s3:PutBucketCORS"},
		none:   "NoSuchCORSConfiguration", says: "The CORS configuration does not exist"},
	{query: "lifecycle", root: "LifecycleConfiguration", get: "GetBucketLifecycleConfiguration", put: "PutBucketLifecycleConfiguration", remove: "DeleteBucketLifecycle",
		rights: [3]string{"s3:GetLifecycleConfiguration", "s3:PutLifecycleConfiguration", "s3:PutLifecycleConfiguration"},
		none:   "NoSuchLifecycleConfiguration", says: "The lifecycle configuration does not exist"},
	{query: "website", root: "WebsiteConfiguration", get: "GetBucketWebsite", put: "PutBucketWebsite", remove: "DeleteBucketWebsite",
		rights: [3]string{"s3:GetBucketWebsite", "s3:PutBucketWebsite", "s3:DeleteBucketWebsite"},
		none:   "NoSuchWebsiteConfiguration", says: "The specified bucket does not have a website configuration"},
}

// removed marks a setting that is deleted, also one that buckets have unless somebody takes it away.
const removed = "-"

// maxConfiguration is more than any configuration of a bucket needs.
const maxConfiguration = 1 << 20

// settingOperations are what reads, writes and deletes the settings.
func settingOperations() []operation {
	var out []operation
	for _, s := range settings {
		out = append(out,
			operation{name: s.get, method: http.MethodGet, query: s.query, action: s.rights[0], serve: s.read},
			operation{name: s.put, method: http.MethodPut, query: s.query, action: s.rights[1], serve: s.write})
		if s.remove != "" {
			out = append(out, operation{name: s.remove, method: http.MethodDelete, query: s.query, action: s.rights[2], serve: s.delete})
		}
	}
	return out
}

// configuration is a setting's XML element, of which only the form is read.
type configuration struct {
	XMLName xml.Name
	Inner   string `xml:",innerxml"`
}

func (s setting) read(r *Room, req *request) (http.Handler, error) {
	b, err := r.bucket(req.bucket)
	if err != nil {
		return nil, err
	}
	text, given := b.Settings[s.query]
	switch {
	case s.none != "" && (text == removed || !given && s.first == ""):
		return nil, &protocol.Error{Code: s.none, Message: s.says, Status: http.StatusNotFound}
	case text == removed || !given:
		text = s.first
	}
	return answer(http.StatusOK, configuration{XMLName: xml.Name{Space: namespace, Local: s.root}, Inner: text})
}

func (s setting) write(r *Room, req *request) (http.Handler, error) {
	var in configuration
	text, err := io.ReadAll(io.LimitReader(req.http.Body, maxConfiguration))
	if err != nil {
		return nil, err
	}
	if err := xml.Unmarshal(text, &in); err != nil || in.XMLName.Local != s.root {
		return nil, malformedXML()
	}
	if s.check != nil {
		if in.Inner, err = s.check(r, req.http.Context(), req, in.Inner); err != nil {
			return nil, err
		}
	}
	if err := r.change(req.bucket, func(b *bucket) { b.set(s.query, in.Inner) }); err != nil {
		return nil, err
	}
	return answer(http.StatusOK, nil)
}

func (s setting) delete(r *Room, req *request) (http.Handler, error) {
	if err := r.change(req.bucket, func(b *bucket) { b.set(s.query, removed) }); err != nil {
		return nil, err
	}
	return answer(http.StatusNoContent, nil)
}

func (b *bucket) set(query, text string) {
	if b.Settings == nil {
		b.Settings = map[string]string{}
	}
	b.Settings[query] = text
}
