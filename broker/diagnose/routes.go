package diagnose

import "github.com/gin-gonic/gin"

// Mount adds the routes.
func (f *Front) Mount(r gin.IRouter) {
	r.GET("/test/:token", f.open)
	r.GET("/test-report/:ref", f.report)
	r.GET("/test-report/:ref/prompt", f.prompt)
	r.POST("/test-report/:ref/prompt", f.answered)
	r.POST("/test-report/:ref/page", f.paste)
	r.POST("/test-report/:ref/closed", f.closed)
}
