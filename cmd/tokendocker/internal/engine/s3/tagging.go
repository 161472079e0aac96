package s3

import (
	"encoding/xml"
	"errors"
	"maps"
	"net/http"
	"slices"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

type tagging struct {
	XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ Tagging"`
	Tags    []tag    `xml:"TagSet>Tag"`
}

type tag struct{ Key, Value string }

// setTags gives a bucket its tags; none takes them away.
func (r *Room) setTags(name string, tags map[string]string) error {
	if _, err := r.bucket(name); err != nil {
		return err
	}
	return r.buckets.Update(name, func(b bucket, found bool) (bucket, error) {
		if !found {
			return b, errors.New("the bucket was deleted meanwhile")
		}
		b.Tags = tags
		return b, nil
	})
}

func (r *Room) getTags(req *request) (http.Handler, error) {
	b, err := r.bucket(req.bucket)
	if err != nil {
		return nil, err
	}
	if len(b.Tags) == 0 {
		return nil, &protocol.Error{Code: "NoSuchTagSet", Message: "The TagSet does not exist", Status: http.StatusNotFound}
	}
	var out tagging
	for _, key := range slices.Sorted(maps.Keys(b.Tags)) {
		out.Tags = append(out.Tags, tag{key, b.Tags[key]})
	}
	return answer(http.StatusOK, out)
}

func (r *Room) putTags(req *request) (http.Handler, error) {
	var in tagging
	if err := xml.NewDecoder(req.http.Body).Decode(&in); err != nil {
		return nil, malformedXML()
	}
	tags := map[string]string{}
	for _, t := range in.Tags {
		tags[t.Key] = t.Value
	}
	if err := r.setTags(req.bucket, tags); err != nil {
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

// tagsOf reads the property Tags of a resource.
func tagsOf(properties map[string]any) map[string]string {
	tags := map[string]string{}
	list, _ := properties["Tags"].([]any)
	for _, item := range list {
		one, _ := item.(map[string]any)
		key, _ := one["Key"].(string)
		value, _ := one["Value"].(string)
		if key != "" {
			tags[key] = value
		}
	}
	return tags
}
