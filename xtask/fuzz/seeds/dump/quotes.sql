SET standard_conforming_strings = off;
COMMENT ON TABLE public."we""ird" IS 'a\'b' /* ; /* ' */ */;
SET standard_conforming_strings = on; -- ;'
COMMENT ON TABLE public.t IS E'it\'s'
'; ' ;
