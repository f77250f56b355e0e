package setup

import "github.com/gin-gonic/gin"

const at = "/setup/:token"

// Mount adds the routes. What is posted to below the link's own address leads back to it by GET, so that an address bar
// that was left there is no dead end.
func (f *Front) Mount(r gin.IRouter) {
	r.GET(at, f.guest(f.show))
	r.POST(at, f.posted(f.paste))
	r.GET(at+"/test", f.guest(f.testState))
	r.POST(at+"/test", f.posted(f.beginTest))
	r.GET(at+"/directory", f.guest(f.directoryState))
	for below, h := range map[string]handler{
		"/provider": f.choose, "/copied": f.copied, "/check": f.check, "/page": f.pastePage,
		"/domains": f.addDomain, "/domains/look": f.look, "/token": f.makeToken, "/on": f.switchOn, "/done": f.done,
	} {
		r.POST(at+below, f.posted(h))
		r.GET(at+below, f.guest(f.back))
	}
}
