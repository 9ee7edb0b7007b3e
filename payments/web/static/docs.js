// The API's description on /docs.
"use strict";
SwaggerUIBundle({
  dom_id: "#api",
  url: document.getElementById("api").dataset.openapi,
  deepLinking: true,
  validatorUrl: null,
  persistAuthorization: false,
});
