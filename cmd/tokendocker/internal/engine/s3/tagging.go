package s3

import (
	"encoding/xml"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

type tagging struct {
	XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ Tagging"`
	Tags    []tag    `xml:"TagSet>Tag"`
}

type tag struct{ Key, Value string }

// maxTags is more than the ten tags of an object or the fifty of a bucket need.
const maxTags = 64 << 10

// setTags gives a bucket its tags; none takes them away.
func (r *Room) setTags(name string, tags map[string]string) error {
	return r.change(name, func(b *bucket) { b.Tags = tags })
}

func tagAnswer(tags map[string]string) (http.Handler, error) {
	var out struct {
		XMLName xml.Name            `xml:"http://s3.amazonaws.com/doc/2006-03-01/ Tagging"`
		TagSet  struct{ Tag []tag } // also when there is none
	}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		out.TagSet.Tag = append(out.TagSet.Tag, tag{key, tags[key]})
	}
	return answer(http.StatusOK, out)
}

func readTags(req *request) (map[string]string, error) {
	var in tagging
	if err := xml.NewDecoder(io.LimitReader(req.http.Body, maxTags)).Decode(&in); err != nil {
		return nil, malformedXML()
	}
	tags := map[string]string{}
	for _, t := range in.Tags {
		tags[t.Key] = t.Value
	}
	return tags, nil
}

// tagsInHeader reads tags that come with an object, "a=b&c=d".
func tagsInHeader(text string) (map[string]string, error) {
	values, err := url.ParseQuery(text)
	if err != nil {
		return nil, protocol.Errorf("InvalidArgument", "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.")
	}
	tags := map[string]string{}
	for key := range values {
		tags[key] = values.Get(key)
	}
	return tags, nil
}

func (r *Room) getTags(req *request) (http.Handler, error) {
	b, err := r.bucket(req.bucket)
	if err != nil {
		return nil, err
	}
	if len(b.Tags) == 0 {
		return nil, &protocol.Error{Code: "NoSuchTagSet", Message: "The TagSet does not exist", Status: http.StatusNotFound}
	}
	return tagAnswer(b.Tags)
}

func (r *Room) putTags(req *request) (http.Handler, error) {
	tags, err := readTags(req)
	if err == nil {
		err = r.setTags(req.bucket, tags)
	}
	if err != nil {
		return nil, err
	}
	return answer(http.StatusNoContent, nil)
}

func (r *Room) deleteTags(req *request) (http.Handler, error) {
	if err := r.setTags(req.bucket, nil); err != nil {
		return nil, err
	}
	return answer(http.StatusNoContent, nil)
}

func (r *Room) getObjectTags(req *request) (http.Handler, error) {
	o, err := r.object(req.bucket, req.key)
	if err != nil {
		return nil, err
	}
	return tagAnswer(o.Tags)
}

func (r *Room) putObjectTags(req *request) (http.Handler, error) {
	tags, err := readTags(req)
	if err == nil {
		err = r.setObjectTags(req, tags)
	}
	if err != nil {
		return nil, err
	}
	return answer(http.StatusOK, nil)
}

func (r *Room) deleteObjectTags(req *request) (http.Handler, error) {
	if err := r.setObjectTags(req, nil); err != nil {
		return nil, err
	}
	return answer(http.StatusNoContent, nil)
}

func (r *Room) setObjectTags(req *request, tags map[string]string) error {
	return r.objects.Update(objectKey(req.bucket, req.key), func(o object, found bool) (object, error) {
		if !found {
			return o, noSuchKey(req.key)
		}
		o.Tags = tags
		return o, nil
	})
}
