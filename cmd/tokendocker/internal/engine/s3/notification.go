package s3

import (
	"encoding/xml"
	"errors"
	"io"
	"net/http"
)

// notifications is a bucket's configuration, of which only the form is read.
// Source: Amazon S3 API Reference, PutBucketNotificationConfiguration.
type notifications struct {
	XMLName xml.Name `xml:"NotificationConfiguration"`
	Inner   []byte   `xml:",innerxml"`
}

// maxNotifications is more than a configuration of 100 rules needs.
const maxNotifications = 1 << 20

func (r *Room) putNotification(req *request) (http.Handler, error) {
	text, err := io.ReadAll(io.LimitReader(req.http.Body, maxNotifications))
	if err != nil {
		return nil, err
	}
	var in notifications
	if err := xml.Unmarshal(text, &in); err != nil {
		return nil, malformedXML()
	}
	if _, err := r.bucket(req.bucket); err != nil {
		return nil, err
	}
	err = r.buckets.Update(req.bucket, func(b bucket, found bool) (bucket, error) {
		if !found {
			return b, errors.New("the bucket was deleted meanwhile")
		}
		b.Notification = string(in.Inner)
		return b, nil
	})
	if err != nil {
		return nil, err
	}
	return answer(http.StatusOK, nil)
}

func (r *Room) getNotification(req *request) (http.Handler, error) {
	b, err := r.bucket(req.bucket)
	if err != nil {
		return nil, err
	}
	return answer(http.StatusOK, struct {
		XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ NotificationConfiguration"`
		Inner   string   `xml:",innerxml"`
	}{Inner: b.Notification})
}
