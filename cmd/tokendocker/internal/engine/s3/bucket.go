package s3

import (
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"regexp"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/iam/policy"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// bucketName is what buckets may be called. Source: Amazon S3 User Guide, "General purpose bucket naming rules".
var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// make makes a bucket; one that the same operation (b.Token) made already is no error.
func (r *Room) make(b bucket) error {
	if !bucketName.MatchString(b.Name) {
		return protocol.Errorf("InvalidBucketName", "The specified bucket is not valid.")
	}
	b.Created = r.Clock.Now().UTC()
	return r.buckets.Update(b.Name, func(old bucket, found bool) (bucket, error) {
		if found && b.Owner != old.Owner {
			return old, &protocol.Error{Code: "BucketAlreadyExists", Status: http.StatusConflict, Message: "The requested bucket name is not available. " +
				"The bucket namespace is shared by all users of the system. Please select a different name and try again."}
		}
		if found && (b.Token == "" || b.Token != old.Token) {
			return old, &protocol.Error{Code: "BucketAlreadyOwnedByYou", Status: http.StatusConflict,
				Message: "Your previous request to create the named bucket succeeded and you already own it."}
		}
		if found {
			return old, nil
		}
		return b, nil
	})
}

func (r *Room) unmake(name string) error {
	if _, err := r.bucket(name); err != nil {
		return err
	}
	if len(r.all(name, "")) > 0 {
		return &protocol.Error{Code: "BucketNotEmpty", Message: "The bucket you tried to delete is not empty", Status: http.StatusConflict}
	}
	return r.buckets.Delete(name)
}

// createBucket makes a bucket in the region that is called, which all but us-east-1 want to be named as well.
// Source: Amazon S3 API Reference, CreateBucket, "LocationConstraint".
func (r *Room) createBucket(req *request) (http.Handler, error) {
	var in struct {
		Region string `xml:"LocationConstraint"`
	}
	if err := xml.NewDecoder(io.LimitReader(req.http.Body, maxConfiguration)).Decode(&in); err != nil && !errors.Is(err, io.EOF) {
		return nil, malformedXML()
	}
	region := req.call.Region
	switch {
	case region == "us-east-1" && in.Region == "us-east-1":
		return nil, protocol.Errorf("InvalidLocationConstraint", "The specified location-constraint is not valid")
	case region == "us-east-1" && in.Region != "":
		region = in.Region
	case region != "us-east-1" && in.Region == "":
		return nil, protocol.Errorf("IllegalLocationConstraintException",
			"The unspecified location constraint is incompatible for the region specific endpoint this request was sent to.")
	case in.Region != "" && in.Region != region:
		return nil, protocol.Errorf("IllegalLocationConstraintException",
			"The %s location constraint is incompatible for the region specific endpoint this request was sent to.", in.Region)
	}
	if err := r.make(bucket{Name: req.bucket, Owner: req.call.Account, Region: region}); err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "/"+req.bucket)
		w.WriteHeader(http.StatusOK)
	}), nil
}

// change changes a bucket in one step.
func (r *Room) change(name string, do func(*bucket)) error {
	return r.buckets.Update(name, func(b bucket, found bool) (bucket, error) {
		if !found {
			return b, noSuchBucket(name)
		}
		do(&b)
		return b, nil
	})
}

func (r *Room) deleteBucket(req *request) (http.Handler, error) {
	if err := r.unmake(req.bucket); err != nil {
		return nil, err
	}
	return answer(http.StatusNoContent, nil)
}

func (r *Room) headBucket(req *request) (http.Handler, error) {
	b, err := r.bucket(req.bucket)
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Amz-Bucket-Region", b.Region)
		w.WriteHeader(http.StatusOK)
	}), err
}

func (r *Room) listBuckets(req *request) (http.Handler, error) {
	type entry struct{ Name, CreationDate, BucketRegion string }
	out := struct {
		XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListAllMyBucketsResult"`
		Owner   struct{ ID string }
		Buckets struct{ Bucket []entry } // also when there is none
	}{}
	out.Owner.ID = req.call.Account
	for _, b := range r.buckets.All() {
		if b.Owner != req.call.Account {
			continue
		}
		out.Buckets.Bucket = append(out.Buckets.Bucket, entry{b.Name, stamp(b.Created), b.Region})
	}
	return answer(http.StatusOK, out)
}

// getLocation answers nothing for us-east-1, as S3 does.
func (r *Room) getLocation(req *request) (http.Handler, error) {
	b, err := r.bucket(req.bucket)
	if err != nil {
		return nil, err
	}
	if b.Region == "us-east-1" {
		b.Region = ""
	}
	return answer(http.StatusOK, struct {
		XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ LocationConstraint"`
		Region  string   `xml:",chardata"`
	}{Region: b.Region})
}

func (r *Room) getVersioning(*request) (http.Handler, error) {
	return answer(http.StatusOK, struct {
		XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ VersioningConfiguration"`
	}{})
}

// getACL answers what every bucket has whose owner has not switched ACLs on again.
// Source: Amazon S3 User Guide, "Controlling ownership of objects and disabling ACLs for your bucket".
func (r *Room) getACL(req *request) (http.Handler, error) {
	b, err := r.bucket(req.bucket)
	if err != nil {
		return nil, err
	}
	type grantee struct {
		Schema string `xml:"xmlns:xsi,attr"`
		Type   string `xml:"xsi:type,attr"`
		ID     string
	}
	type grant struct {
		Grantee    grantee
		Permission string
	}
	return answer(http.StatusOK, struct {
		XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ AccessControlPolicy"`
		Owner   struct{ ID string }
		Grants  []grant `xml:"AccessControlList>Grant"`
	}{Owner: struct{ ID string }{b.Owner}, Grants: []grant{
		{grantee{"http://www.w3.org/2001/XMLSchema-instance", "CanonicalUser", b.Owner}, "FULL_CONTROL"}}})
}

// setPolicy gives a bucket a policy; empty takes it away.
func (r *Room) setPolicy(name, text string) error {
	if text != "" {
		if _, err := policy.Parse([]byte(text), policy.Resource); err != nil {
			return protocol.Errorf("MalformedPolicy", "%v", err)
		}
	}
	return r.change(name, func(b *bucket) { b.Policy = text })
}

func (r *Room) getPolicy(req *request) (http.Handler, error) {
	b, err := r.bucket(req.bucket)
	if err == nil && b.Policy == "" {
		err = &protocol.Error{Code: "NoSuchBucketPolicy", Message: "The bucket policy does not exist", Status: http.StatusNotFound}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, b.Policy) // a client that went away has no use for an error
	}), err
}

func (r *Room) putPolicy(req *request) (http.Handler, error) {
	text, err := io.ReadAll(io.LimitReader(req.http.Body, maxPolicy+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxPolicy {
		return nil, protocol.Errorf("PolicyTooLarge", "Your policy exceeds the maximum allowed document size.")
	}
	if err := r.setPolicy(req.bucket, string(text)); err != nil {
		return nil, err
	}
	return answer(http.StatusNoContent, nil)
}

func (r *Room) deletePolicy(req *request) (http.Handler, error) {
	if err := r.setPolicy(req.bucket, ""); err != nil {
		return nil, err
	}
	return answer(http.StatusNoContent, nil)
}

// maxPolicy is the size of a bucket policy. Source: Amazon S3 User Guide, "Bucket policies".
const maxPolicy = 20 << 10
